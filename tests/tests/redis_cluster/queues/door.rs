//! The front door, as programs use it that know nothing of catga.

use catga::transport::{DOOR, Release, Transport};

use super::{Shop, ack, entry, read};
use crate::site::each_server;

#[tokio::test]
async fn anybody_may_add_to_the_door() {
    for server in each_server() {
        let shop = Shop::named(server, DOOR).await;
        let door = format!("{}:in", shop.namespace);
        let mut opened = shop.open("a-1-1", &[0]).await;
        let _: String = shop
            .past(&format!("XADD {door} * type shop.Place data {{}} key k1"))
            .await;
        let _: String = shop.past(&format!("XADD {door} * nothing known")).await;
        let _: String = shop
            .past(&format!(
                "XADD {door} * ce-type shop.Place ce-id 01890a5d-ac96-774b-bcce-b302099a8057 ce-source /web ce-time 2026-11-22T13:30:20Z tenant acme data 7"
            ))
            .await;
        let received = read(&mut opened.intake, 3).await.unwrap();
        let first = received[0].entry.as_ref().unwrap();
        assert_eq!(
            (&*first.name, first.key.as_deref()),
            ("shop.Place", Some("k1"))
        );
        assert_eq!(
            (&*first.source, &*first.content_type),
            ("", "application/json")
        );
        let age = first.time.elapsed().unwrap_or_default();
        assert!(age.as_secs() < 60, "{age:?}");
        let malformed = received[1].entry.as_ref().unwrap_err();
        assert!(malformed.error.contains("type"), "{malformed:?}");
        assert_eq!(malformed.headers.get("nothing"), Some("known"));
        let third = received[2].entry.as_ref().unwrap();
        assert_eq!(third.id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(third.headers.get("tenant"), Some("acme"));

        // The same again: what was left out follows from the place.
        let positions: Vec<_> = received.iter().map(|received| received.position).collect();
        let queues = shop.redis.queues();
        let fetched = queues.fetch(&shop.service, 0, &positions).await.unwrap();
        assert_eq!(fetched[0].as_ref().unwrap().as_ref().unwrap(), first);
        let mut opened = shop.open("b-1-1", &[0]).await;
        let again = read(&mut opened.intake, 3).await.unwrap();
        assert_eq!(again[0].entry.as_ref().unwrap(), first);

        shop.ack("b-1-1", &[&again[0], &again[2]]).await.unwrap();
        let generation = shop.generation("b-1-1");
        let release = Release::Partition(&generation, ack(&again[1]));
        shop.bury("m", &entry(1), Some(release)).await;
        assert_eq!(shop.past::<u64>(&format!("XLEN {door}")).await, 0);
        assert_eq!(shop.past::<u64>(&format!("XLEN {{{door}}}:dead")).await, 1);
        queues.discard(&shop.service, 1).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_that_is_put_there_stops_it() {
    for server in each_server() {
        let shop = Shop::named(server, DOOR).await;
        let door = format!("{}:in", shop.namespace);
        let mut opened = shop.open("a-1-1", &[0]).await;
        // More fields than a script could hand over, names without text, an id of its own.
        let mut add = redis::cmd("XADD");
        add.arg(&door).arg("5-1");
        for n in 0..20_000 {
            add.arg(format!("f{n}")).arg(&b"\xff\x00"[..]);
        }
        let mut past = shop.past.clone();
        let _: String = add.query_async(&mut past).await.unwrap();
        let mut add = redis::cmd("XADD");
        add.arg(&door)
            .arg("*")
            .arg(&b"\xfe"[..])
            .arg("x")
            .arg("type")
            .arg(&b"\xff"[..]);
        let _: String = add.query_async(&mut past).await.unwrap();
        let _: String = shop.past(&format!("XADD {door} * type good data 7")).await;
        let received = read(&mut opened.intake, 3).await.unwrap();
        assert!(received[2].entry.is_ok());
        assert!(
            received
                .windows(2)
                .all(|pair| pair[0].position < pair[1].position)
        );
        let generation = shop.generation("a-1-1");
        for (at, received) in received[..2].iter().enumerate() {
            let malformed = received.entry.as_ref().unwrap_err();
            let mut letter = entry(0);
            letter.headers = malformed.headers.clone();
            let release = Release::Partition(&generation, ack(received));
            shop.bury(&format!("l{at}"), &letter, Some(release)).await;
        }
        let letters = shop
            .redis
            .queues()
            .letters(&shop.service, 0, 10)
            .await
            .unwrap();
        let first = letters[0].letter.as_ref().unwrap();
        assert_eq!(first.headers.len(), 20_000);
        assert_eq!(shop.past::<u64>(&format!("XLEN {door}")).await, 1);
    }
}
