//! Multiplies f32 matrices that lie in slices, with the `gemm` crate.

use gemm::Parallelism;

/// Multiplications below which splitting a product over threads costs more than it saves.
const PARALLEL_WORK: usize = 1 << 24;

/// A matrix of shape `(rows, columns)` in a slice that may hold more.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// Distance between two rows.
    row_step: usize,
    /// Distance between two columns.
    column_step: usize,
}

impl<'a> View<'a> {
    /// The first `columns` elements of each of `rows` rows that lie `step` apart, row-major.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize, step: usize) -> Self {
        Self { values, rows, columns, row_step: step, column_step: 1 }
    }

    /// The same elements, shape `(columns, rows)`.
    pub(crate) fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
        }
    }
}

/// Writes `a · b`, shape `(a.rows, b.columns)`, to the front of rows of `out` that lie `step`
/// apart. Large products are split over `threads`.
///
/// # Panics
/// When the inner dimensions differ or a matrix exceeds its slice.
#[allow(unsafe_code, reason = "the matrix product takes pointers; bounds are checked here")]
pub(crate) fn multiply(a: View<'_>, b: View<'_>, out: &mut [f32], step: usize, threads: usize) {
    let (rows, inner, columns) = (a.rows, a.columns, b.columns);
    assert_eq!(inner, b.rows, "inner dimensions differ");
    assert!(columns <= step, "rows of the product overlap");
    for (length, (rows, row_step), (columns, column_step)) in [
        (a.values.len(), (a.rows, a.row_step), (a.columns, a.column_step)),
        (b.values.len(), (b.rows, b.row_step), (b.columns, b.column_step)),
        (out.len(), (rows, step), (columns, 1)),
    ] {
        assert!(rows > 0 && columns > 0, "an empty matrix");
        let last = (rows - 1) * row_step + (columns - 1) * column_step;
        assert!(last < length, "a matrix exceeds its slice");
    }
    let parallelism = if threads > 1 && rows * inner * columns >= PARALLEL_WORK {
        Parallelism::Rayon(threads)
    } else {
        Parallelism::None
    };
    // A step is less than a slice's length, or unused.
    let [a_row, a_column, b_row, b_column, out_row] =
        [a.row_step, a.column_step, b.row_step, b.column_step, step]
            .map(|step| isize::try_from(step).unwrap_or(isize::MAX));
    // SAFETY: the largest index of each matrix is within its slice, by the assertions above; `out`
    // is borrowed mutably, so it overlaps neither input, and its rows do not overlap one another;
    // it is not read (`read_dst` is false, and `alpha` with it), and f32 has no invalid values.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            out_row,
            false,
            a.values.as_ptr(),
            a_column,
            a_row,
            b.values.as_ptr(),
            b_column,
            b_row,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{View, multiply};

    /// Compares with three loops, with steps, and splits one product over threads.
    #[test]
    fn products_of_views_agree_with_three_loops() {
        for (rows, inner, columns, threads) in [(1, 1, 1, 1), (5, 7, 3, 1), (70, 384, 260, 2)] {
            let (a_step, b_step, out_step) = (inner + 2, inner + 1, columns + 4);
            let a: Vec<f32> = (0..rows * a_step).map(|at| (at % 13) as f32 - 6.0).collect();
            let b: Vec<f32> = (0..columns * b_step).map(|at| (at % 7) as f32 - 3.0).collect();
            let mut out = vec![9.0; rows * out_step];
            let left = View::new(&a, rows, inner, a_step);
            let right = View::new(&b, columns, inner, b_step).transposed();
            multiply(left, right, &mut out, out_step, threads);
            for row in 0..rows {
                for column in 0..out_step {
                    let dot = |at: usize| a[row * a_step + at] * b[column * b_step + at];
                    let expected = match column < columns {
                        true => (0..inner).map(dot).sum(),
                        false => 9.0,
                    };
                    assert_eq!(out[row * out_step + column], expected, "{row}, {column}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "exceeds its slice")]
    fn a_matrix_beyond_its_slice_is_refused() {
        let values = [0.0; 5];
        let a = View::new(&values, 2, 3, 3);
        multiply(a, a.transposed(), &mut [0.0; 4], 2, 1);
    }
}
