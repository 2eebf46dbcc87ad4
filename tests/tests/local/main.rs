//! One node in one process, through the public API.

mod batch;
mod broadcast;
mod cancellation;
mod children;
mod dead_letters;
mod errors;
mod extractors;
mod faults;
mod hostile;
mod keys;
mod lanes;
mod layers;
mod limits;
mod options;
mod pausing;
mod retries;
mod send;
mod shutdown;
mod stalls;
mod starting;
mod store;
mod test_call;
mod tracing;

/// A node with the handlers of the module that calls this.
macro_rules! node {
    ($($builder:tt)*) => {
        catga::Node::builder("test")
            .only(|handler| handler.module() == module_path!())
            $($builder)*
            .start()
            .await
            .unwrap()
    };
}
pub(crate) use node;
