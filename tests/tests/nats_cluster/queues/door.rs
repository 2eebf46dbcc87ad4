use super::*;
use crate::site::each_server;
use catga::transport::DOOR;

#[tokio::test]
async fn what_others_leave_out_gets_a_default() {
    for server in each_server() {
        let mut stock = Stock::on(server).await;
        stock.service = DOOR.into();
        stock.queues().provision(&stock.service, 1).await.unwrap();
        let of = |name: &str| format!("{}.in.{name}", stock.namespace);
        stock
            .server
            .publish(of("orders.placed"), "{}".into())
            .await
            .unwrap();
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in [
            ("Ce-Type", "Other"),
            ("ce-id", "A-1"),
            ("ce-source", "/web"),
            ("ce-time", "2020-01-01T00:00:00+01:00"),
            ("ce-partitionkey", "k%2F1"),
            ("Content-Type", "application/msgpack"),
            ("tenant", "acme"),
        ] {
            headers.insert(name, value);
        }
        for _ in 0..2 {
            let message = stock
                .server
                .publish_with_headers(of("x"), headers.clone(), "b".into());
            message.await.unwrap();
        }
        let before = SystemTime::now() - PATIENCE;
        let mut opened = stock.open("n-1-1", &[0]).await;
        let received = take(&mut opened.intake, 3).await;
        let bare = received[0].entry.clone().unwrap();
        assert_eq!(
            (received[0].partition, &*bare.name, &*bare.source),
            (0, "orders.placed", "")
        );
        assert_eq!(
            (&*bare.content_type, &bare.key),
            ("application/json", &None)
        );
        assert!(bare.time > before);
        assert!(bare.headers.is_empty());
        let full = received[1].entry.clone().unwrap();
        assert_eq!(
            (&*full.name, &*full.source, full.key.as_deref()),
            ("Other", "/web", Some("k/1"))
        );
        assert_eq!(&*full.content_type, "application/msgpack");
        assert_eq!(full.headers, Headers::from_iter([("tenant", "acme")]));
        let time = full.time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(time.as_secs(), 1_577_833_200);
        let again = received[2].entry.as_ref().unwrap();
        assert_eq!(
            again.id, full.id,
            "an id of theirs gives the same id each time"
        );
        let positions: Vec<_> = received.iter().map(|entry| entry.position).collect();
        let fetched = stock
            .queues()
            .fetch(&stock.service, 0, &positions)
            .await
            .unwrap();
        for (fetched, received) in fetched.into_iter().zip(&received) {
            assert_eq!(fetched.as_ref(), Some(&received.entry));
        }
        let oldest = stock.queues().oldest(&stock.service, 0).await.unwrap();
        assert_eq!(oldest, Some(positions[0].sequence));
        let generation = stock.generation("n-1-1");
        let release = catga::transport::Release::Partition(&generation, ack_of(&received[0]));
        let letter = entry("dead");
        stock
            .queues()
            .bury(&stock.service, "1", &letter, Some(release))
            .await
            .unwrap();
        assert_eq!(
            stock
                .queues()
                .letters(&stock.service, 0, 9)
                .await
                .unwrap()
                .len(),
            1
        );
        let mut reopened = stock.open("n-1-2", &[0]).await;
        assert_eq!(reopened.received, [(0, 3)]);
        assert_eq!(
            take(&mut reopened.intake, 2).await[0].position,
            positions[1]
        );
        assert!(stock.queues().share(&stock.service, "n").await.is_err());
    }
}

#[tokio::test]
async fn headers_that_break_a_connection_hold_nobody_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    for server in each_server() {
        let mut stock = Stock::on(server).await;
        stock.service = DOOR.into();
        stock.queues().provision(&stock.service, 1).await.unwrap();
        let mut raw = tokio::net::TcpStream::connect(("127.0.0.1", server.port()))
            .await
            .unwrap();
        let mut sent = b"CONNECT {\"headers\":true,\"verbose\":false}\r\n".to_vec();
        for headers in [
            &b"tenant: acme"[..],
            b"a b: blank",
            b"a: carriage\rreturn",
            b"a: \xff",
            b"tenant: acme",
        ] {
            let headers = [b"NATS/1.0\r\n", headers, b"\r\n\r\n"].concat();
            let sizes = format!("{} {}", headers.len(), headers.len() + 2);
            sent.extend(format!("HPUB {}.in.Placed {sizes}\r\n", stock.namespace).bytes());
            sent.extend(headers);
            sent.extend(b"{}\r\n");
        }
        sent.extend(b"PING\r\n");
        raw.write_all(&sent).await.unwrap();
        let mut told = Vec::new();
        while !told.windows(4).any(|four| four == b"PONG") {
            assert!(raw.read_buf(&mut told).await.unwrap() > 0);
        }
        let mut seen = std::collections::BTreeMap::new();
        for number in 1.. {
            assert!(number < 20, "{seen:?}");
            let name = format!("n-1-{number}");
            let generation = stock.generation(&name);
            let Ok(mut opened) = stock.queues().open(&generation, &[0]).await else {
                continue;
            };
            let reading = async {
                while let Some(taken) = opened.intake.next(10).await {
                    if let Taken::Entries(entries) = taken {
                        seen.extend(
                            entries
                                .into_iter()
                                .map(|it| (it.position, it.entry.unwrap())),
                        );
                    }
                    if seen.len() >= 5 {
                        break;
                    }
                }
            };
            timeout(PATIENCE, reading).await.unwrap();
            if seen.len() >= 5 {
                break;
            }
        }
        assert_eq!(seen.len(), 5);
        let has = |name: &str, value: &str| {
            seen.values()
                .filter(|entry| entry.headers.get(name) == Some(value))
                .count()
        };
        assert_eq!(has("tenant", "acme"), 2);
        assert_eq!(has("a b", "blank"), 1);
        assert_eq!(has("a", "carriage\rreturn"), 1);
        assert_eq!(has("a", "\u{fffd}"), 1);
        assert!(
            seen.values()
                .all(|entry| entry.name == "Placed" && entry.payload == "{}")
        );
    }
}
