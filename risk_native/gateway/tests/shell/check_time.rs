//! The histogram of the engine's time has every kind of check.

use std::io::{Read, Write};
use std::net::TcpStream;

use dnalyaw_frames::{Body, Legs, Replace};

use crate::support::{BUY, Rig, eventually, limit};

fn checks(address: &str) -> Option<u64> {
    let mut stream = TcpStream::connect(address).expect("the endpoint");
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: riskd\r\n\r\n")
        .expect("asked");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("a page");
    page.lines()
        .find_map(|line| line.strip_prefix("dnalyaw_risk_check_seconds_count{region=\"US\"} "))
        .map(|count| count.parse().expect("a number"))
}

#[test]
fn linked_legs_and_modifications_are_timed_like_orders() {
    let mut rig = Rig::new();
    rig.options = vec!["--metrics", "127.0.0.1:0"];
    let address = rig.start()["metrics"].as_str().unwrap().to_string();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 10, 100));
    for (leg, id) in [(1, 2), (2, 3)] {
        let mut order = limit(id, id - 1, BUY, 10, 100);
        order.legs = Legs::new(leg, 2).expect("legs");
        client.send(Body::NewOrder(order));
    }
    client.decision(3);
    rig.venue.expect("D", 1);
    client.send(Body::Replace(Replace {
        order_id: 4,
        original_id: 1,
        quantity: 20,
        limit_price: 100_000_000,
        stop_distance: 2_000_000,
        correlation: [9; 16],
    }));
    client.decision(4);
    // One order, two legs, one modification.
    eventually("four checks", || checks(&address) == Some(4));
}
