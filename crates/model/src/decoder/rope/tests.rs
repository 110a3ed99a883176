//! Tests rotations worked out by hand.

use super::*;

/// Rotates one head of four elements at `position`, with frequencies 1 and 0.5.
#[track_caller]
fn check(kind: RopeKind, position: usize, expected: [f32; 4]) {
    let rope = Rope { frequencies: vec![1.0, 0.5], magnitude: 1.0 };
    let angles = rope.angles([position].into_iter());
    let mut head = [1.0, 0.0, 0.0, 1.0];
    rotate(&mut head, 4, 4, kind, &angles);
    for (value, expected) in head.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-6, "{head:?} is not {expected:?}");
    }
}

#[test]
fn neighbours_or_halves_turn_by_position_times_frequency() {
    check(RopeKind::Interleaved, 0, [1.0, 0.0, 0.0, 1.0]);
    check(RopeKind::Halves, 0, [1.0, 0.0, 0.0, 1.0]);
    let (sin, cos) = 3.0_f32.sin_cos();
    let (sin_half, cos_half) = 1.5_f32.sin_cos();
    check(RopeKind::Interleaved, 3, [cos, sin, -sin_half, cos_half]);
    check(RopeKind::Halves, 3, [cos, -sin_half, sin, cos_half]);
}

#[test]
fn elements_beyond_the_rotated_part_stay() {
    let rope = Rope { frequencies: vec![1.0], magnitude: 1.0 };
    let angles = rope.angles([2].into_iter());
    let mut head = [1.0, 0.0, 5.0, 6.0];
    rotate(&mut head, 4, 4, RopeKind::Halves, &angles);
    assert_eq!(head[2..], [5.0, 6.0]);
    assert!((head[0] - 2.0_f32.cos()).abs() < 1e-6);
}

#[test]
fn heads_and_rows_are_rotated_alike() {
    let rope = Rope { frequencies: vec![0.3, 0.1], magnitude: 1.5 };
    let angles = rope.angles([4, 5].into_iter());
    let head = [0.1, -0.2, 0.3, -0.4];
    let mut rows: Vec<f32> = head.repeat(4);
    rotate(&mut rows, 8, 4, RopeKind::Interleaved, &angles);
    for (row, position) in [4, 5].into_iter().enumerate() {
        let angles = rope.angles([position].into_iter());
        let mut alone = head;
        rotate(&mut alone, 4, 4, RopeKind::Interleaved, &angles);
        assert_eq!(rows[row * 8..row * 8 + 4], alone);
        assert_eq!(rows[row * 8 + 4..row * 8 + 8], alone);
    }
}
