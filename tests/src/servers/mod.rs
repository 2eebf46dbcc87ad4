//! Real broker servers for the tests: started on free ports with a folder of their own, and
//! stopped by pid.

pub mod nats;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod redis_cluster;
pub mod server;
