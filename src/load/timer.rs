//! One alarm for a thread, more exact than the runtime's own, which ticks in milliseconds.

use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

#[cfg(target_os = "linux")]
pub(super) use linux::Timer;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Timer;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::io::read;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use super::{Context, Instant, Poll, io};

    /// A file descriptor that becomes readable at a point in time, to the precision of the kernel.
    #[derive(Debug)]
    pub(in crate::load) struct Timer {
        descriptor: AsyncFd<OwnedFd>,
        /// What it is set to.
        armed: Option<Instant>,
    }

    impl Timer {
        /// Inside a runtime.
        pub(in crate::load) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "its replacement is unsafe for types that change their descriptor; `OwnedFd` never does"
            )]
            let descriptor = AsyncFd::new(descriptor)?;
            Ok(Self {
                descriptor,
                armed: None,
            })
        }

        /// Ready when that time has come.
        pub(in crate::load) fn poll(&mut self, context: &mut Context<'_>, at: Instant) -> Poll<()> {
            loop {
                let now = Instant::now();
                if now >= at {
                    return Poll::Ready(());
                }
                if self.armed != Some(at) && self.arm(at - now).is_ok() {
                    self.armed = Some(at);
                }
                let Poll::Ready(Ok(mut guard)) = self.descriptor.poll_read_ready(context) else {
                    return Poll::Pending;
                };
                let mut expirations = [0; 8];
                let rung = guard.try_io(|timer| {
                    read(timer.get_ref(), &mut expirations).map_err(io::Error::from)
                });
                if rung.is_ok() {
                    self.armed = None;
                }
            }
        }

        fn arm(&self, wait: Duration) -> io::Result<()> {
            let once = Itimerspec {
                it_interval: Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                },
                it_value: Timespec {
                    tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
                    tv_nsec: wait.subsec_nanos().max(1).into(),
                },
            };
            timerfd_settime(self.descriptor.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use std::pin::Pin;

    use tokio::time::{Sleep, sleep_until};

    use super::{Context, Instant, Poll, io};

    /// The runtime's own timer.
    #[derive(Debug)]
    pub(in crate::load) struct Timer(Pin<Box<Sleep>>);

    impl Timer {
        /// Inside a runtime.
        pub(in crate::load) fn new() -> io::Result<Self> {
            Ok(Self(Box::pin(sleep_until(tokio::time::Instant::now()))))
        }

        /// Ready when that time has come.
        pub(in crate::load) fn poll(&mut self, context: &mut Context<'_>, at: Instant) -> Poll<()> {
            let at = tokio::time::Instant::from_std(at);
            if self.0.deadline() != at {
                self.0.as_mut().reset(at);
            }
            self.0.as_mut().poll(context)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_rings_when_it_is_time_and_not_before_however_often_it_is_set() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut timer = Timer::new().expect("a timer");
            let begun = Instant::now();
            for micros in [300, 100, 2000, 1500, 0] {
                let at = begun + Duration::from_micros(micros);
                poll_fn(|context| timer.poll(context, at)).await;
                assert!(Instant::now() >= at, "{micros}");
            }
            // Set to later, then to sooner.
            let later = begun + Duration::from_secs(600);
            let sooner = Instant::now() + Duration::from_millis(1);
            poll_fn(|context| {
                assert!(timer.poll(context, later).is_pending());
                timer.poll(context, sooner)
            })
            .await;
            assert!(begun.elapsed() < Duration::from_secs(60));
        });
    }
}
