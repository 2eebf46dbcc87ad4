unsafe fn place<T>(order: &PlaceOrder, other: impl Send) -> impl Sized {
    todo!()
}
::core::compile_error! {
    "expected a whole number from 1 to 4294967295"
}
::core::compile_error! {
    "a broadcast event is delivered at most once and waits in no lane: `serial` has no meaning for it"
}
::core::compile_error! {
    "a handler cannot be `unsafe`: the node calls it with any message"
}
::core::compile_error! {
    "a handler cannot be generic: it is registered once, for one message type"
}
::core::compile_error! {
    "a handler owns its message: take it by value, without `&`"
}
::core::compile_error! {
    "a handler cannot be generic, and `impl Trait` is a type parameter: name the type"
}
::core::compile_error! {
    "a handler names what it returns: the response, or a `Result` of it"
}
