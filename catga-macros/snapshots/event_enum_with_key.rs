enum OrderChanged {
    Placed { order_id: String, region: Region },
    #[cfg(feature = "returns")]
    Returned { region: Region, order_id: String, reason: String },
}
const _: () = {
    #[automatically_derived]
    impl ::catga::Message for OrderChanged {
        type Response = ();
        type Error = ::core::convert::Infallible;
        type Declares = ::catga::__private::Undeclared;
        const CODEC: ::catga::__private::Codec<Self> = ::catga::__private::Codec::<
            Self,
        >::new();
        fn info() -> &'static ::catga::message::MessageInfo {
            static INFO: ::catga::message::MessageInfo = ::catga::message::MessageInfo::event::<
                OrderChanged,
            >(
                    "OrderChanged",
                    ::catga::__private::Origin::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::module_path!(),
                        "catga-macros",
                    ),
                )
                .with_route(
                    ::catga::__private::Route::new()
                        .with_key(&["order_id"])
                        .with_topic("orders.{region.name}"),
                );
            &INFO
        }
        fn write_key<S: ::catga::message::KeySink>(
            &self,
            key: &mut ::catga::message::KeyWriter<S>,
        ) {
            match self {
                OrderChanged::Placed { order_id: part_1, .. } => {
                    ::catga::message::KeyText::write_key(part_1, key);
                }
                #[cfg(feature = "returns")]
                OrderChanged::Returned { order_id: part_1, .. } => {
                    ::catga::message::KeyText::write_key(part_1, key);
                }
            }
        }
        fn write_topic(&self, topic: &mut ::catga::routing::TopicValues) {
            match self {
                OrderChanged::Placed { region: part_1, .. } => {
                    ::catga::message::KeyText::write_key(&part_1.name, topic.value());
                }
                #[cfg(feature = "returns")]
                OrderChanged::Returned { region: part_1, .. } => {
                    ::catga::message::KeyText::write_key(&part_1.name, topic.value());
                }
            }
        }
    }
    #[automatically_derived]
    impl ::catga::Event for OrderChanged {}
};
const _: () = {
    use self::*;
    use ::catga::__private::marks::*;
    #[route(__used)]
    const _: () = ();
    #[key(__used)]
    const _: () = ();
    #[key(__used)]
    const _: () = ();
};
