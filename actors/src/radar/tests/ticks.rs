//! How often the radar speaks: at once after a quiet spell, then once a tick, however much it hears.

use muster_domain::live::Standing;

use super::*;
use crate::radar::Moved;

fn moved(n: u128) -> Moved {
    let now = Utc::now();
    let lat = 40.0 + (n % 1_000) as f64 / 100.0;
    let standing = Standing { heard_at: Some(now), ..Standing::default() };
    Moved { worker: worker(1), point: Some(point(n, now, lat, 9.0)), standing }
}

#[test]
fn after_a_quiet_spell_a_movement_is_shown_at_once() {
    run(async {
        let world = world();
        let screen: Arc<Screen> = Arc::default();
        let radar = world.live.account(ACCOUNT).await.expect("there").radar();
        radar.try_send(Watch { sink: screen.clone() }).expect("room");
        radar.try_send(moved(1)).expect("room");
        let shown = || screen.ticks.lock().expect("free").len();
        until("the first", || shown() > 0).await;
        // Three ticks of quiet each time; an answer that waited for a tick would be late every time.
        let mut soon = 0;
        for n in 2..12 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let before = shown();
            let began = std::time::Instant::now();
            radar.try_send(moved(n)).expect("room");
            until("shown", || shown() > before).await;
            soon += usize::from(began.elapsed() < Duration::from_millis(15));
        }
        assert!(soon >= 5, "only {soon} of 10 were shown before a tick was over");
    });
}

#[test]
fn a_flood_neither_hurries_the_tick_nor_starves_it() {
    run(async {
        let world = world();
        let screen: Arc<Screen> = Arc::default();
        let radar = world.live.account(ACCOUNT).await.expect("there").radar();
        radar.try_send(Watch { sink: screen.clone() }).expect("room");
        let began = std::time::Instant::now();
        let mut n = 0_u128;
        while began.elapsed() < Duration::from_millis(600) {
            n += 1;
            if radar.try_send(moved(n)).is_err() {
                std::thread::yield_now();
            }
        }
        let ticks = screen.ticks.lock().expect("free").len();
        let most = began.elapsed().as_millis() / 20 + 2;
        assert!((5..=most as usize).contains(&ticks), "{ticks} ticks for {n} movements");
    });
}
