use super::Builder;
use crate::cluster::Settings;
use crate::node::broker::{Kind, without_credentials};
use crate::node::id::is_name;
use crate::wiring::{Problem, Problems, Wiring};

impl Builder {
    /// Checks the wiring without starting.
    ///
    /// # Errors
    ///
    /// All [`Problems`] that would stop [`start`](Self::start).
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::{Node, State, handler, query};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[query(response = u32)]
    /// #[derive(Serialize, Deserialize)]
    /// struct Limit;
    ///
    /// #[handler]
    /// async fn limit(_: Limit, State(limit): State<u32>) -> u32 {
    ///     limit
    /// }
    ///
    /// # let here = module_path!();
    /// let builder = Node::builder("limits");
    /// # let builder = builder.only(move |handler| handler.module() == here);
    /// let problems = builder.check().unwrap_err();
    /// assert!(problems.to_string().contains("takes `State<u32>`"));
    /// assert_eq!(builder.state(7_u32).check()?.messages().len(), 1);
    /// # Ok::<(), catga::wiring::Problems>(())
    /// ```
    pub fn check(&self) -> Result<Wiring, Problems> {
        let (wiring, mut problems) = Wiring::collect(&self.select);
        problems.extend(self.problems.iter().cloned());
        for handler in wiring.handlers() {
            for (id, type_name) in handler.requirements().states {
                if !self.states.contains(id) {
                    problems.push(Problem::MissingState { type_name, handler });
                }
            }
        }
        for (of, name) in [("service", Some(&self.service)), ("node", self.id.as_ref())] {
            if let Some(name) = name.filter(|name| !is_name(name)) {
                problems.push(Problem::InvalidName {
                    of,
                    name: name.clone(),
                });
            }
        }
        if let Kind::Unknown(url) = &self.broker.0 {
            problems.push(Problem::Broker {
                url: without_credentials(url),
            });
        }
        let Settings {
            heartbeat,
            node_timeout,
            ..
        } = self.settings();
        if heartbeat.is_zero() || heartbeat > node_timeout / 3 {
            problems.push(Problem::Heartbeat {
                heartbeat,
                node_timeout,
            });
        }
        Problems::none_of(problems)?;
        Ok(wiring)
    }
}
