//! Restarts, cuts and destroyed groups.

use std::time::{Duration, Instant};

use catga::transport::{AppendError, Appended, Part, Redis, Taken, Transport};
use catga_tests::servers::proxy::{Flow, Proxy};
use catga_tests::servers::redis::RedisServer;

use super::{Shop, ack, append_of, entry, read, texts};
use crate::site::each_server;

#[tokio::test]
async fn exactly_what_was_not_acknowledged_comes_again_after_a_restart() {
    for version in ["7.0", "8.2"] {
        let settings = [["appendonly", "yes"], ["appendfsync", "always"]];
        let mut server = RedisServer::with(version, &settings);
        let shop = Shop::on(&server).await;
        shop.append(Part::Partition(0), 0..50).await.unwrap();
        shop.append(Part::Partition(1), 50..60).await.unwrap();
        let mut opened = shop.open("a-1-1", &[0, 1]).await;
        let received = read(&mut opened.intake, 60).await.unwrap();
        let some: Vec<_> = received.iter().step_by(3).collect();
        shop.ack("a-1-1", &some).await.unwrap();
        server.process().kill();
        server.restart();
        assert!(read(&mut opened.intake, 1).await.is_none());
        let generation = shop.generation("a-1-2");
        let open = async || shop.redis.queues().open(&generation, &[0, 1]).await;
        // The first command finds that its connection broke, and the server loads its file.
        let mut again = open().await;
        while again.is_err() {
            again = open().await;
        }
        let mut again = again.unwrap();
        assert_eq!(again.stream, opened.stream, "the queues are the same");
        let read = read(&mut again.intake, 40).await.unwrap();
        for partition in [0, 1] {
            let expected = received.iter().enumerate().filter(|(at, _)| at % 3 > 0);
            let expected = expected.filter(|(_, r)| r.partition == partition);
            let expected: Vec<_> = expected.map(|(_, r)| r.position).collect();
            let came = read.iter().filter(|r| r.partition == partition);
            assert_eq!(came.map(|r| r.position).collect::<Vec<_>>(), expected);
        }
        let told = again.received.iter().find(|(partition, _)| *partition == 0);
        let last = received.iter().rfind(|r| r.partition == 0);
        assert_eq!(told.unwrap().1, last.unwrap().position.sequence);
        let nothing = tokio::time::timeout(Duration::from_millis(300), again.intake.next(1));
        assert!(nothing.await.is_err());
    }
}

#[tokio::test]
async fn queues_that_were_lost_are_others() {
    for version in ["7.0", "8.2"] {
        let mut server = RedisServer::start(version);
        let shop = Shop::on(&server).await;
        shop.append(Part::Partition(0), 0..3).await.unwrap();
        let mut opened = shop.open("a-1-1", &[0]).await;
        let before = read(&mut opened.intake, 3).await.unwrap();
        let mut shared = shop.redis.queues().share(&shop.service, "a").await.unwrap();
        let _: () = shop.past("FLUSHALL").await;
        assert!(read(&mut opened.intake, 1).await.is_none(), "flushed");
        assert!(shared.next(1).await.is_none());
        assert!(shop.ack("a-1-1", &[&before[0]]).await.is_err());
        let mut flushed = shop.open("a-1-2", &[0]).await;
        assert_ne!(flushed.stream, opened.stream);
        shop.append(Part::Partition(0), 3..5).await.unwrap();
        let after = read(&mut flushed.intake, 2).await.unwrap();
        assert!(
            after[0].position > before[2].position,
            "no place is used again"
        );
        server.process().kill();
        server.restart();
        assert!(read(&mut flushed.intake, 1).await.is_none(), "restarted");
        let generation = shop.generation("a-1-3");
        let mut again = shop.redis.queues().open(&generation, &[0]).await;
        while again.is_err() {
            again = shop.redis.queues().open(&generation, &[0]).await;
        }
        assert_ne!(again.unwrap().stream, flushed.stream);
        let mut shared = shop.redis.queues().share(&shop.service, "a").await.unwrap();
        shop.append(Part::Shared, 0..1).await.unwrap();
        assert_eq!(shared.next(1).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_read_that_waits_ends_when_its_group_is_destroyed() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let mut old = shop.open("a-1-1", &[0, 1, 2]).await;
        let waits = tokio::spawn(async move { read(&mut old.intake, 1).await.is_none() });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let started = Instant::now();
        let mut new = shop.open("b-1-1", &[1]).await;
        shop.append(Part::Partition(0), 0..1).await.unwrap();
        shop.append(Part::Partition(1), 0..1).await.unwrap();
        assert!(waits.await.unwrap());
        let took = started.elapsed();
        assert!(took < Duration::from_millis(900), "{took:?}");
        assert_eq!(texts(&read(&mut new.intake, 1).await.unwrap()), [0]);
    }
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_stored_once() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let proxy = Proxy::to(server.port()).await;
        let url = format!("redis://127.0.0.1:{}", proxy.port());
        let redis = Redis::url(&url).namespace(&shop.namespace);
        let queue = shop.queue(Part::Partition(0));
        let all: Vec<_> = (0..200).map(|n| append_of(entry(n), n % 2 == 0)).collect();
        for batch in all.chunks(20) {
            let mut turn = 0;
            loop {
                turn += 1;
                let append = redis.queues().append(&queue, 7, batch);
                let cut = async {
                    if turn < 3 {
                        tokio::time::sleep(Duration::from_micros(300 * turn)).await;
                        proxy.cut();
                    }
                };
                let (stored, ()) = tokio::join!(append, cut);
                if stored.iter().all(Result::is_ok) {
                    break;
                }
                assert!(
                    stored
                        .iter()
                        .all(|stored| matches!(stored, Ok(_) | Err(AppendError::Transport(_))))
                );
            }
        }
        let mut opened = shop.open("a-1-1", &[0]).await;
        let received = read(&mut opened.intake, 200).await.unwrap();
        assert_eq!(texts(&received), (0..200).collect::<Vec<_>>());
        // The last cut may still be found out.
        let mut again = redis.queues().append(&queue, 7, &all[190..]).await;
        while matches!(again[0], Err(AppendError::Transport(_))) {
            again = redis.queues().append(&queue, 7, &all[190..]).await;
        }
        let repeated = |stored: &_| matches!(stored, Ok(Appended::Repeated));
        assert!(again.iter().all(repeated), "{again:?}");
        proxy.set(Flow::Cut);
        let refused = redis.queues().append(&queue, 7, &all[198..]).await;
        assert!(matches!(
            refused[..],
            [
                Err(AppendError::Transport(_)),
                Err(AppendError::Transport(_))
            ]
        ));
    }
}

#[tokio::test]
async fn intakes_that_are_cut_lose_nothing_and_keep_the_order() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let proxy = Proxy::to(server.port()).await;
        let url = format!("redis://127.0.0.1:{}", proxy.port());
        let redis = Redis::url(&url).namespace(&shop.namespace);
        let appends = async {
            for first in (0..2_000).step_by(20) {
                shop.append(Part::Partition(first / 20 % 2), first..first + 20)
                    .await
                    .unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let cuts = async {
            for turn in 0..15 {
                tokio::time::sleep(Duration::from_millis(10 + turn)).await;
                proxy.cut();
            }
        };
        let mut handled = [Vec::new(), Vec::new()];
        let reads = async {
            let mut number = 0;
            while handled.iter().map(Vec::len).sum::<usize>() < 2_000 {
                number += 1;
                let generation = shop.generation(&format!("a-1-{number}"));
                let Ok(mut opened) = redis.queues().open(&generation, &[0, 1]).await else {
                    continue;
                };
                while let Some(Taken::Entries(received)) = opened.intake.next(64).await {
                    // What was handled may come again only where it is not known that it left.
                    for received in &received {
                        let of_it: &mut Vec<_> = &mut handled[received.partition as usize];
                        let text = texts(std::slice::from_ref(received))[0];
                        if of_it
                            .last()
                            .is_none_or(|(last, _)| *last < received.position)
                        {
                            of_it.push((received.position, text));
                        } else {
                            let known = of_it.iter().find(|(at, _)| *at == received.position);
                            assert_eq!(known.unwrap().1, text, "nothing was left out before");
                        }
                    }
                    let acks: Vec<_> = received.iter().map(ack).collect();
                    if redis.queues().ack(&generation, &acks).await.is_err() {
                        break;
                    }
                    if handled.iter().map(Vec::len).sum::<usize>() >= 2_000 {
                        break;
                    }
                }
            }
        };
        let all = async { tokio::join!(appends, cuts, reads) };
        tokio::time::timeout(Duration::from_secs(60), all)
            .await
            .expect("all come");
        for (partition, handled) in handled.iter().enumerate() {
            let expected = (0..2_000).filter(|text| text / 20 % 2 == partition as u32);
            let texts = handled.iter().map(|(_, text)| *text);
            assert!(texts.eq(expected), "partition {partition}");
        }
    }
}

#[tokio::test]
async fn the_newer_protocol_is_as_good() {
    for server in each_server() {
        let shop = Shop::on(server).await;
        let url = format!("{}/?protocol=resp3", server.url());
        let redis = Redis::url(&url).namespace(&shop.namespace);
        redis.connect().await.unwrap();
        let queues = redis.queues();
        queues.provision(&shop.service, 4).await.unwrap();
        shop.append(Part::Partition(0), 0..3).await.unwrap();
        shop.append(Part::Shared, 0..1).await.unwrap();
        let generation = shop.generation("a-1-1");
        let mut opened = queues.open(&generation, &[0, 1]).await.unwrap();
        let received = read(&mut opened.intake, 3).await.unwrap();
        assert_eq!(texts(&received), [0, 1, 2]);
        let position = [received[1].position];
        let fetched = queues.fetch(&shop.service, 0, &position);
        assert!(fetched.await.unwrap()[0].is_some());
        let acks: Vec<_> = received.iter().map(ack).collect();
        queues.ack(&generation, &acks).await.unwrap();
        assert_eq!(queues.oldest(&shop.service, 0).await.unwrap(), None);
        let mut shared = queues.share(&shop.service, "a").await.unwrap();
        let taken = shared.next(1).await.unwrap();
        let tickets = [taken[0].ticket.clone()];
        queues.give_back(&shop.service, &tickets).await.unwrap();
        assert_eq!(shared.next(1).await.unwrap()[0].taken, 2);
        redis.guarantees().await.unwrap();
    }
}
