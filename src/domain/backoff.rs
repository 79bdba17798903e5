//! How long who tried and failed must wait before the next try counts.
//!
//! Pure. The waits double, and end at a quarter of an hour: a guesser gets nowhere, and the owner of an account that
//! somebody else guesses at is never out for long.

use chrono::TimeDelta;

/// The longest wait.
const LONGEST_S: i64 = 900;

/// After this long without a try, counting begins anew.
pub const FORGOTTEN: TimeDelta = TimeDelta::hours(1);

/// The wait after the `tries`th try, of which `free` cost nothing: 1 s, 2 s, 4 s, …
pub fn wait(tries: i32, free: i32) -> TimeDelta {
    let beyond = tries - free;
    if beyond <= 0 {
        return TimeDelta::zero();
    }
    let seconds = 1_i64.checked_shl((beyond - 1).min(30) as u32).unwrap_or(LONGEST_S);
    TimeDelta::seconds(seconds.min(LONGEST_S))
}
