use tokio::runtime::Handle;

/// Spawns a task of a node. In a simulation it stands still while the process of its node does.
pub(crate) fn spawn<T>(runtime: &Handle, task: impl Future<Output = T> + Send + 'static)
where
    T: Send + 'static,
{
    #[cfg(feature = "testing")]
    let task = crate::testing::inherited(task);
    runtime.spawn(task);
}
