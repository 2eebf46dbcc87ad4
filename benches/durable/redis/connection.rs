use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo as _};

/// With the settings that are fastest; answers may take any time.
pub(super) async fn connect(url: &str) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(1_024);
    let info = url.into_connection_info().expect("a server");
    let settings = info.tcp_settings().clone().set_nodelay(true);
    let client = Client::open(info.set_tcp_settings(settings)).expect("a server");
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .expect("a connection")
}
