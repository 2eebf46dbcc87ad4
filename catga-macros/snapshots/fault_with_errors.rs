const _: () = {
    ::catga::__private::submit(
        ::catga::__private::Classifier::new(|error| {
            ::catga::__private::Classifier::downcast::<OrderError>(error)
                .map(|error| match error {
                    OrderError::SoldOut { .. } => ::catga::Fault::Permanent,
                    OrderError::WarehouseAway { .. } => {
                        ::catga::Fault::transient(
                            ::core::option::Option::None,
                            ::core::option::Option::None,
                        )
                    }
                })
        }),
    );
};
::core::compile_error! {
    "`#[permanent]` has no options: there is no other attempt"
}
::core::compile_error! {
    "`#[transient]` goes on a variant or a struct, not on a field"
}
::core::compile_error! {
    "an error is either permanent or transient, and says so once: remove one of the two"
}
::core::compile_error! {
    "a duration is text: `after = \"2s\"`, or with `ms`, `m` or `h`"
}
