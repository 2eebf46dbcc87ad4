#[event]
#[derive(Serialize, Deserialize)]
#[route(key = "order_id")]
struct OrderPlaced {
    order_id: String,
}
