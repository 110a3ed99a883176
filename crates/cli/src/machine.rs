//! Reads what this machine has.

use std::path::Path;

use sysinfo::{Disks, System};

/// Memory and cores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) memory_total_bytes: u64,
    pub(crate) memory_available_bytes: u64,
    pub(crate) physical_cores: usize,
}

/// Measures the machine now.
pub(crate) fn measure() -> Machine {
    let mut system = System::new();
    system.refresh_memory();
    // A container's limit counts, not the host's memory.
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    let total = system.total_memory().min(limit);
    Machine {
        memory_total_bytes: total,
        memory_available_bytes: system.available_memory().min(total),
        physical_cores: System::physical_core_count().unwrap_or(1),
    }
}

/// Bytes free on the disk that holds `path`, or its nearest existing parent.
pub(crate) fn free_disk_bytes(path: &Path) -> Option<u64> {
    let path = path.ancestors().find(|ancestor| ancestor.exists())?.canonicalize().ok()?;
    let disks = Disks::new_with_refreshed_list();
    let holding = disks.list().iter().filter(|disk| path.starts_with(disk.mount_point()));
    holding
        .max_by_key(|disk| disk.mount_point().as_os_str().len())
        .map(|disk| disk.available_space())
}

/// Instruction sets of the processor that the kernels use, best last.
pub(crate) fn simd() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let found = [
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("f16c", std::arch::is_x86_feature_detected!("f16c")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
            ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ];
        found.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
    #[cfg(target_arch = "aarch64")]
    {
        vec!["neon"]
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        Vec::new()
    }
}
