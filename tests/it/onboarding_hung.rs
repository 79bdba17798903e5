//! One of ten providers hangs: the nine others get their files as if nothing were, whatever waits for the tenth.

use paystrator::sandbox::{Fault, Kind};

use crate::support::{Options, run_with};

const CODES: [&str; 10] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_ten_that_hangs_delays_no_other() {
    let kyb = CODES.map(str::to_owned).to_vec();
    // The push that hangs is not given up while the test lasts: who waited for it would wait too long.
    let options = Options { kyb, kyb_timeout_ms: 600_000, must_be_idle: false, ..Options::default() };
    run_with(options, async |world| {
        world.complete_file().await;
        let hung = world.office("p0");
        hung.add_fault(Fault::new(Kind::Hang).on("push")).unwrap();
        let references = world.on_board(&CODES).await;
        for (code, reference) in CODES.iter().zip(&references).skip(1) {
            world.until_stands(reference, "received").await;
            assert_eq!(world.office(code).received().len(), 1, "{code}");
        }
        let still = world.onboarding(&references[0]).await;
        assert_eq!((still["onboarding"]["status"].as_str(), hung.received().len()), (Some("submitted"), 0));
        hung.clear_faults();
        world.until_stands(&references[0], "received").await;
        world
    })
    .await;
}
