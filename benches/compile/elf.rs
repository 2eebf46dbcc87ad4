//! The sizes of a program's sections, read without a tool that may not be installed.

/// Takes space in memory while the program runs.
const ALLOCATED: u64 = 2;
const EXECUTABLE: u64 = 4;
/// All zero, so not in the file.
const NO_BITS: u32 = 8;

pub(crate) struct Section {
    pub(crate) size: u64,
    /// In the file, and loaded from it.
    pub(crate) loaded: bool,
    pub(crate) code: bool,
}

/// `None` where this is not a 64-bit little-endian ELF file.
pub(crate) fn sections(file: &[u8]) -> Option<Vec<Section>> {
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = usize::try_from(u64::from_le_bytes(at(file, 0x28)?)).ok()?;
    let entry_size = usize::from(u16::from_le_bytes(at(file, 0x3a)?));
    let entries = usize::from(u16::from_le_bytes(at(file, 0x3c)?));
    (0..entries)
        .map(|index| section(file, table + index * entry_size))
        .collect()
}

fn section(file: &[u8], entry: usize) -> Option<Section> {
    let kind = u32::from_le_bytes(at(file, entry + 4)?);
    let flags = u64::from_le_bytes(at(file, entry + 8)?);
    let size = u64::from_le_bytes(at(file, entry + 0x20)?);
    let loaded = flags & ALLOCATED != 0 && kind != NO_BITS;
    Some(Section {
        size,
        loaded,
        code: loaded && flags & EXECUTABLE != 0,
    })
}

fn at<const SIZE: usize>(file: &[u8], offset: usize) -> Option<[u8; SIZE]> {
    file.get(offset..offset + SIZE)?.try_into().ok()
}
