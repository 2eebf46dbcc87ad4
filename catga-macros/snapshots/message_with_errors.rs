struct CountOrders {
    order_id: String,
}
const _: () = {
    #[automatically_derived]
    impl ::catga::Message for CountOrders {
        type Response = u32;
        type Error = ::core::convert::Infallible;
        type Declares = ::catga::__private::Undeclared;
        const CODEC: ::catga::__private::Codec<Self> = ::catga::__private::Codec::<
            Self,
        >::new()
            .response::<u32>();
        fn info() -> &'static ::catga::message::MessageInfo {
            static INFO: ::catga::message::MessageInfo = ::catga::message::MessageInfo::request::<
                CountOrders,
            >(
                "CountOrders",
                ::catga::message::Kind::Query,
                ::catga::__private::Origin::new(
                    ::core::file!(),
                    ::core::line!(),
                    ::core::module_path!(),
                    "catga-macros",
                ),
            );
            &INFO
        }
    }
    #[automatically_derived]
    impl ::catga::Request for CountOrders {
        type Itself = Self;
    }
    #[automatically_derived]
    impl ::catga::Query for CountOrders {}
};
const _: () = {
    use self::*;
    use ::catga::__private::marks::*;
    #[route(__used)]
    const _: () = ();
};
::core::compile_error! {
    "unknown option `reponse`: did you mean `response`?\nthe options of `#[query]` are `response`, `error`, `name`, `version`, `timeout`, `crate`"
}
::core::compile_error! {
    "`a..b` is not a wire name: use `A-Z`, `a-z`, `0-9`, `_` and `-`, in segments separated by single dots, such as \"orders.place\""
}
::core::compile_error! {
    "queries are always safe to retry: remove `idempotent`"
}
::core::compile_error! {
    "unknown option `colour`\nthe options of `#[query]` are `response`, `error`, `name`, `version`, `timeout`, `crate`"
}
::core::compile_error! {
    "unknown strategy `sticky`\nthe strategies are `consistent_hash`, `round_robin`, `random`, `least_loaded`, `local_first`, `topic`; one of your own is given to the node: `Node::builder(..).strategy::<Message>(value)`"
}
::core::compile_error! {
    "`CountOrders` has no field `ordr_id`: did you mean `order_id`?\nits fields are `order_id`"
}
