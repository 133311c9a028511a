//! Whether a target got too few responses for chance.

use crate::stats::binomial::ln_le;

/// Whether so few responses of so many requests are impossible by chance, at `alpha`, for a target with this share.
pub(super) fn starved(count: u64, ended: u64, share: f64, alpha: f64) -> bool {
    if share <= 0.0 || count >= ended {
        return false;
    }
    // A target with everything has every response.
    share >= 1.0 || ln_le(ended, count, share) <= alpha.ln()
}

/// The requests after which no response at all is impossible by chance.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of requests; a share so small that it does not fit is cut"
)]
pub(super) fn requests_to_starve(share: f64, alpha: f64) -> u64 {
    if share >= 1.0 {
        return 1;
    }
    (alpha.ln() / (-share).ln_1p()).ceil().max(1.0) as u64
}
