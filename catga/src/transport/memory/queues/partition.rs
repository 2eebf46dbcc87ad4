use super::admission::Admission;
use super::log::Log;
use crate::transport::{Append, AppendError, Appended};

/// The queue of one partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    admission: Admission,
    pub(super) log: Log,
    /// Who reads it.
    pub(super) reading: Option<Reading>,
}

/// What the reader of a partition has got of it.
#[derive(Debug)]
pub(super) struct Reading {
    /// The reader.
    pub(super) reader: u64,
    /// The sequence up to which it has received entries.
    pub(super) through: u64,
    /// Whether the reader knows that there is more.
    pub(super) ready: bool,
}

impl Partition {
    pub(super) fn copy(&self) -> Self {
        Self {
            admission: self.admission.clone(),
            log: self.log.clone(),
            reading: None,
        }
    }

    pub(super) fn append(
        &mut self,
        writer: u64,
        entries: &[Append],
        capacity: usize,
    ) -> Vec<Result<Appended, AppendError>> {
        let log = &mut self.log;
        let room = capacity.saturating_sub(log.len());
        self.admission
            .append(writer, entries, room, |position, entry| {
                log.push(position, entry);
            })
    }

    /// The reader that does not know yet that there is more for it.
    pub(super) fn untold_reader(&mut self) -> Option<u64> {
        let newest = self.log.newest()?;
        let reading = self.reading.as_mut()?;
        if reading.ready || newest <= reading.through {
            return None;
        }
        reading.ready = true;
        Some(reading.reader)
    }
}
