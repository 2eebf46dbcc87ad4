use std::sync::Arc;

use super::owners::{Owner, OwnersRecord};
use super::state::Cluster;
use crate::message::ContentType;
use crate::transport::{DOOR, Expect, RecordKey, TransportError, WriteError};

impl Cluster {
    /// Takes the front door if nobody alive has it. Whether this node has it.
    pub(crate) async fn claim_door(&self) -> Result<bool, TransportError> {
        if !self.may_attend() {
            return Ok(false);
        }
        let me = self.owner();
        let service: Arc<str> = DOOR.into();
        // What the watch brought says whether it is worth asking.
        let known = self.door_owner();
        if known.as_ref() == Some(&me) {
            // While the lease runs nobody else takes it.
            return Ok(true);
        }
        if !self.may_take(known.as_ref(), &me) {
            return Ok(false);
        }
        let key = RecordKey::Owners(service);
        let read = self.read(&key).await?;
        let record = match &read.record {
            Some(found) => ContentType::Json
                .decode(&found.value)
                .map_err(|error| TransportError::new("read who has the front door", error))?,
            None => OwnersRecord::new(1),
        };
        let Some(door) = record.partitions.first() else {
            return Ok(false);
        };
        if door.owner.as_ref() == Some(&me) {
            return Ok(true);
        }
        if !self.may_take(door.owner.as_ref(), &me) || !self.may_attend() {
            return Ok(false);
        }
        let mut next = record.clone();
        for door in &mut next.partitions {
            door.owner = Some(me.clone());
            door.epoch = read.time.max(door.epoch + 1);
        }
        let at = read.record.map(|found| found.revision);
        let expect = at.map_or(Expect::Absent, Expect::Revision);
        match self.write(&key, &next, expect, None).await {
            Ok(_) => Ok(true),
            Err(WriteError::Conflict) => Ok(false),
            Err(WriteError::Transport(error)) => Err(error),
        }
    }

    /// Lets another node have the front door.
    pub(crate) async fn leave_door(&self) -> Result<(), TransportError> {
        let key = RecordKey::Owners(DOOR.into());
        let Some(found) = self.read(&key).await?.record else {
            return Ok(());
        };
        let Ok(mut record) = ContentType::Json.decode::<OwnersRecord>(&found.value) else {
            return Ok(());
        };
        let mine = |door: &super::owners::Partition| {
            let owner = door.owner.as_ref();
            owner.is_some_and(|owner| self.was(owner))
        };
        if !record.partitions.iter().any(mine) {
            return Ok(());
        }
        for door in &mut record.partitions {
            door.owner = None;
        }
        match self
            .write(&key, &record, Expect::Revision(found.revision), None)
            .await
        {
            Ok(_) | Err(WriteError::Conflict) => Ok(()),
            Err(WriteError::Transport(error)) => Err(error),
        }
    }

    /// The key paths of a type, as the services that take it say; `None` if nobody takes it.
    pub(crate) fn key_paths(&self, name: &str) -> Option<Vec<String>> {
        let seen = self.seen();
        let mut records = seen.services.values().map(|(record, _)| record);
        records.find_map(|record| record.key_paths(name))
    }

    fn may_attend(&self) -> bool {
        self.lease.is_valid() && !self.own().record.draining
    }

    fn door_owner(&self) -> Option<Owner> {
        let seen = self.seen();
        let (record, _) = seen.owners.get(DOOR)?;
        record.partitions.first()?.owner.clone()
    }

    fn may_take(&self, owner: Option<&Owner>, me: &Owner) -> bool {
        match owner {
            None => true,
            Some(owner) if owner.node == me.node => true,
            Some(owner) => {
                let timeout = self.settings.node_timeout;
                let mut seen = self.seen();
                let now = seen.clock();
                seen.observed.is_dead(owner, now, timeout)
            }
        }
    }
}
