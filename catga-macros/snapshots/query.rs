struct ListOrders(u32);
const _: () = {
    #[automatically_derived]
    impl bus::Message for ListOrders {
        type Response = Vec<Order>;
        type Error = ::core::convert::Infallible;
        type Declares = bus::__private::Undeclared;
        const CODEC: bus::__private::Codec<Self> = bus::__private::Codec::<Self>::new()
            .response::<Vec<Order>>();
        fn info() -> &'static bus::message::MessageInfo {
            static INFO: bus::message::MessageInfo = bus::message::MessageInfo::request::<
                ListOrders,
            >(
                    "orders.list",
                    bus::message::Kind::Query,
                    bus::__private::Origin::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::module_path!(),
                        "catga-macros",
                    ),
                )
                .with_route(
                    bus::__private::Route::new()
                        .with_strategy(bus::routing::StrategyKind::RoundRobin),
                );
            &INFO
        }
    }
    #[automatically_derived]
    impl bus::Request for ListOrders {
        type Itself = Self;
    }
    #[automatically_derived]
    impl bus::Query for ListOrders {}
};
const _: () = {
    #[catga::route(__used)]
    const _: () = ();
};
