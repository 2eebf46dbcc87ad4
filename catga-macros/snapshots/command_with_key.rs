/// Places an order.
#[derive(Serialize, Deserialize)]
pub struct PlaceOrder {
    pub order_id: String,
    #[serde(default)]
    pub customer: Customer,
}
const _: () = {
    #[automatically_derived]
    impl ::catga::Message for PlaceOrder {
        type Response = Receipt;
        type Error = OrderError;
        type Declares = ::catga::__private::Declared;
        const CODEC: ::catga::__private::Codec<Self> = ::catga::__private::Codec::<
            Self,
        >::new()
            .response::<Receipt>()
            .error::<OrderError>();
        fn info() -> &'static ::catga::message::MessageInfo {
            static INFO: ::catga::message::MessageInfo = ::catga::message::MessageInfo::request::<
                PlaceOrder,
            >(
                    "PlaceOrder",
                    ::catga::message::Kind::Command,
                    ::catga::__private::Origin::new(
                        ::core::file!(),
                        ::core::line!(),
                        ::core::module_path!(),
                        "catga-macros",
                    ),
                )
                .with_version(2u32)
                .with_timeout_ms(5000u64)
                .with_idempotent()
                .with_route(
                    ::catga::__private::Route::new()
                        .with_key(&["order_id", "customer.id"]),
                );
            &INFO
        }
        fn write_key<S: ::catga::message::KeySink>(
            &self,
            key: &mut ::catga::message::KeyWriter<S>,
        ) {
            ::catga::message::KeyText::write_key(&self.order_id, key);
            ::catga::message::KeyText::write_key(&self.customer.id, key);
        }
    }
    #[automatically_derived]
    impl ::catga::Request for PlaceOrder {
        type Itself = Self;
    }
    #[automatically_derived]
    impl ::catga::Command for PlaceOrder {}
};
const _: () = {
    use self::*;
    use ::catga::__private::marks::*;
    #[route(__used)]
    const _: () = ();
};
