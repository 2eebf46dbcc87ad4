const _: () = {
    ::catga::__private::submit(
        ::catga::__private::Classifier::new(|error| {
            ::catga::__private::Classifier::downcast::<OrderError>(error)
                .map(|error| match error {
                    OrderError::SoldOut { .. } => ::catga::Fault::Permanent,
                    OrderError::WarehouseAway { .. } => {
                        ::catga::Fault::transient(
                            ::core::option::Option::Some(2000u64),
                            ::core::option::Option::Some(8u32),
                        )
                    }
                    _ => ::catga::Fault::UNDECLARED,
                })
        }),
    );
};
