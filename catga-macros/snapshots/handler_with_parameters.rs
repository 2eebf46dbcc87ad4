/// Places an order.
#[cfg(unix)]
#[tracing::instrument(skip_all)]
pub(crate) async fn place(
    PlaceOrder { order_id, .. }: PlaceOrder,
    State(store): State<Store>,
    context: Context,
) -> Result<Receipt, OrderError> {
    store.place(order_id, context).await
}
#[cfg(unix)]
const _: () = {
    const PARAMETER_1: ::catga::__private::Parameter<State<Store>> = ::catga::__private::Parameter::<
        State<Store>,
    >::new();
    const PARAMETER_2: ::catga::__private::Parameter<Context> = ::catga::__private::Parameter::<
        Context,
    >::new();
    ::catga::__private::submit(
        ::catga::HandlerInfo::new(
                "place",
                ::catga::__private::Origin::new(
                    ::core::file!(),
                    ::core::line!(),
                    ::core::module_path!(),
                    "catga-macros",
                ),
                ::catga::__private::start::<
                    PlaceOrder,
                >(|run, cx, message, call| {
                    let call = &call.of(&message);
                    let parameter_1 = PARAMETER_1.extract(call)?;
                    let parameter_2 = PARAMETER_2.extract(call)?;
                    ::core::result::Result::Ok(
                        run
                            .future(
                                cx,
                                place(message, parameter_1, parameter_2),
                                |returned| {
                                    let fault = ::catga::__private::Returned::of(&returned)
                                        .fault();
                                    ::catga::__private::reply::<
                                        PlaceOrder,
                                        Result<Receipt, OrderError>,
                                        _,
                                    >(returned, fault)
                                },
                            ),
                    )
                }),
            )
            .with_requirements(|requirements| {
                PARAMETER_1.requires(requirements);
                PARAMETER_2.requires(requirements);
            })
            .with_concurrency(4usize)
            .with_retry(
                ::catga::__private::Overrides::new(
                    ::core::option::Option::Some(8u32),
                    ::core::option::Option::Some(50u64),
                    ::core::option::Option::None,
                ),
            )
            .with_serial(),
    );
};
