//! Any pattern can be a parameter.

use catga::{Context, Deadline, Headers, State, command, handler};
use serde::{Deserialize, Serialize};

#[command(response = u8)]
#[derive(Serialize, Deserialize)]
struct Point {
    x: u8,
    y: (u8, u8),
}

#[handler]
async fn destructure(
    Point { x, y: (first, _) }: Point,
    State((mut scale, ..)): State<(u8, u8)>,
    _: Context,
    _deadline: Deadline,
    headers: Headers,
    #[allow(unused_variables, reason = "attributes on parameters stay")] other: Option<State<u16>>,
) -> Result<u8, anyhow::Error> {
    scale += u8::from(headers.is_empty());
    std::future::ready(()).await;
    Ok(x * first * scale)
}

#[test]
fn registered() {
    assert_eq!(super::handlers(module_path!()).len(), 1);
}
