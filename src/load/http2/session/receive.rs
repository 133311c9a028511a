//! What a peer says on an HTTP/2 connection, frame by frame. Not: what is said to it.

use std::rc::Rc;
use std::time::Instant;

use super::{CONNECTION_WINDOW, STREAM_WINDOW, Session};
use crate::load::exchange::Broken;
use crate::load::http2::frame::{self, Code, Frame, u32_of};
use crate::load::http2::hpack;
use crate::load::http2::stream::{Fault, Stream, said};
use crate::observe::{Failure, FailureKind};

/// How much of what a peer says about an error is shown.
const SHOWN: usize = 100;

impl Session {
    /// Takes what came.
    pub(in crate::load::http2) fn feed(&mut self, bytes: &[u8], now: Instant) {
        if self.over.is_some() {
            return;
        }
        let fed = if self.input.is_empty() {
            self.frames(bytes, now)
                .map(|used| self.input.extend_from_slice(&bytes[used..]))
        } else {
            let mut input = std::mem::take(&mut self.input);
            input.extend_from_slice(bytes);
            let fed = self
                .frames(&input, now)
                .map(|used| drop(input.drain(..used)));
            self.input = input;
            fed
        };
        if let Err((code, why)) = fed {
            frame::goaway(&mut self.out, code);
            self.close(&why);
        }
    }

    /// Takes all frames that are complete; how many bytes those were.
    fn frames(&mut self, bytes: &[u8], now: Instant) -> Result<usize, (Code, Failure)> {
        let mut used = 0;
        while let Some(frame) = Frame::read(&bytes[used..]) {
            if !self.greeted && frame.kind != frame::SETTINGS {
                return Err((Code::PROTOCOL_ERROR, no_http2(&bytes[used..])));
            }
            if frame.length > frame::LONGEST {
                return Err((Code::FRAME_SIZE_ERROR, said("a frame that is too long")));
            }
            let begin = used + Frame::HEAD;
            let Some(content) = bytes.get(begin..begin + frame.length) else {
                break;
            };
            used = begin + frame.length;
            match self.frame(frame, content, now) {
                Ok(()) => {}
                Err(Fault::Stream(code, why)) => self.fail(frame.stream, code, why),
                Err(Fault::Connection(code, why)) => return Err((code, why)),
            }
        }
        Ok(used)
    }

    fn frame(&mut self, frame: Frame, content: &[u8], now: Instant) -> Result<(), Fault> {
        let continued = self.block.as_ref().map(|(stream, ..)| *stream);
        if continued
            .is_some_and(|stream| frame.kind != frame::CONTINUATION || frame.stream != stream)
        {
            return Err(protocol("fields that are not continued"));
        }
        if frame.stream != 0 && matches!(frame.kind, frame::SETTINGS | frame::PING | frame::GOAWAY)
        {
            return Err(protocol("what concerns the connection, on a stream"));
        }
        if frame.stream != 0 {
            self.heard = Some(now);
        }
        match frame.kind {
            frame::DATA => self.data(frame, content, now),
            frame::HEADERS => {
                let block = frame::unpadded(frame, content)
                    .ok_or_else(|| protocol("more padding than frame"))?;
                let last = frame.flags & frame::END_STREAM != 0;
                if frame.flags & frame::END_HEADERS != 0 {
                    return self.fields(frame.stream, block, last, now);
                }
                self.block = Some((frame.stream, last, block.to_vec()));
                Ok(())
            }
            frame::CONTINUATION => {
                let Some((stream, last, mut block)) = self.block.take() else {
                    return Err(protocol("a continuation of nothing"));
                };
                block.extend_from_slice(content);
                if block.len() > hpack::LONGEST as usize {
                    let why = "the head is larger than 64 KiB".to_owned();
                    let why = Failure::new(FailureKind::Oversized, why);
                    return Err(Fault::Connection(Code::ENHANCE_YOUR_CALM, why));
                }
                if frame.flags & frame::END_HEADERS != 0 {
                    return self.fields(stream, &block, last, now);
                }
                self.block = Some((stream, last, block));
                Ok(())
            }
            frame::RST_STREAM => {
                let code = Code(u32_of(exact(content)?));
                self.reset(frame.stream, code)
            }
            frame::SETTINGS if frame.flags & frame::ACK != 0 => Ok(()),
            frame::SETTINGS => self.settings(content),
            frame::PUSH_PROMISE => Err(protocol("a push that was forbidden")),
            frame::PING => {
                let content: [u8; 8] = exact(content)?;
                if frame.flags & frame::ACK == 0 {
                    frame::whole(&mut self.out, frame::PING, frame::ACK, 0, &content);
                }
                Ok(())
            }
            frame::GOAWAY => self.goaway(content),
            frame::WINDOW_UPDATE => self.widen(frame.stream, u32_of(exact(content)?)),
            // What is unknown is ignored (RFC 9113, 5.5), and priorities concern servers.
            _ => Ok(()),
        }
    }

    /// A stream that has not ended; `None` for one that nobody waits for any more.
    fn running(&mut self, id: u32) -> Result<Option<&mut Stream>, Fault> {
        if id.is_multiple_of(2) || id >= self.next {
            return Err(protocol("an answer to nothing"));
        }
        let stream = self.streams.get_mut(&id).map(|stream| &mut **stream);
        Ok(stream.filter(|stream| stream.ended.is_none()))
    }

    fn fields(&mut self, id: u32, block: &[u8], last: bool, now: Instant) -> Result<(), Fault> {
        let mut heads = std::mem::take(&mut self.heads);
        let read = self.running(id).and_then(|stream| {
            let read = stream.map(|stream| stream.fields(block, last, now, &mut heads));
            read.transpose()
        });
        self.heads = heads;
        if read?.is_some() {
            self.after(id);
        }
        Ok(())
    }

    fn data(&mut self, frame: Frame, content: &[u8], now: Instant) -> Result<(), Fault> {
        let data =
            frame::unpadded(frame, content).ok_or_else(|| protocol("more padding than frame"))?;
        let length = u32::try_from(content.len()).expect("a frame is small");
        self.uncredited += length;
        if self.uncredited >= CONNECTION_WINDOW / 2 {
            let credit = std::mem::take(&mut self.uncredited);
            frame::number(&mut self.out, frame::WINDOW_UPDATE, 0, credit);
        }
        let budget = Rc::clone(&self.budget);
        let Some(stream) = self.running(frame.stream)? else {
            return Ok(());
        };
        let last = frame.flags & frame::END_STREAM != 0;
        stream.data(data, last, now, &budget)?;
        stream.uncredited += length;
        if !last && stream.uncredited >= STREAM_WINDOW / 2 {
            let credit = std::mem::take(&mut stream.uncredited);
            frame::number(&mut self.out, frame::WINDOW_UPDATE, frame.stream, credit);
        }
        self.after(frame.stream);
        Ok(())
    }

    /// Sees to what follows when the answer is whole.
    fn after(&mut self, id: u32) {
        let Some(stream) = self
            .streams
            .get_mut(&id)
            .filter(|stream| stream.ended.is_some())
        else {
            return;
        };
        // An answer may come before the request is out; the rest of that is not wanted then.
        if !stream.unsent.is_empty() {
            stream.unsent.clear();
            frame::number(&mut self.out, frame::RST_STREAM, id, Code::CANCEL.0);
        }
        self.answered = true;
        self.ended();
    }

    /// Ends a stream for something that is wrong with it.
    fn fail(&mut self, id: u32, code: Code, why: Failure) {
        frame::number(&mut self.out, frame::RST_STREAM, id, code.0);
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.ended.is_none()
        {
            stream.end(Err(Broken::sent(why)));
            self.ended();
        }
    }

    /// The peer ends a stream.
    fn reset(&mut self, id: u32, code: Code) -> Result<(), Fault> {
        if let Some(stream) = self.running(id)? {
            let why = Failure::new(
                FailureKind::Reset,
                format!("the server reset the stream: {code}"),
            );
            // RFC 9113, 8.7
            let end = if code == Code::REFUSED_STREAM {
                Broken::refused
            } else {
                Broken::sent
            };
            stream.break_off(why, end);
            self.ended();
        }
        Ok(())
    }

    fn settings(&mut self, content: &[u8]) -> Result<(), Fault> {
        let (settings, rest) = content.as_chunks::<6>();
        if !rest.is_empty() {
            return Err(Fault::Connection(
                Code::FRAME_SIZE_ERROR,
                said("settings that are cut off"),
            ));
        }
        if !std::mem::replace(&mut self.greeted, true) {
            self.most = u32::MAX;
        }
        for [a, b, value @ ..] in settings {
            let value = u32_of(*value);
            match u16::from_be_bytes([*a, *b]) {
                frame::MAX_CONCURRENT_STREAMS => self.most = value,
                frame::INITIAL_WINDOW_SIZE => {
                    let wider = i64::from(value);
                    if wider > frame::WIDEST {
                        return Err(overflow());
                    }
                    for stream in self.streams.values_mut() {
                        stream.window += wider - self.initial;
                    }
                    self.initial = wider;
                }
                frame::MAX_FRAME_SIZE => {
                    if !(1 << 14..1 << 24).contains(&value) {
                        return Err(protocol("a size of frames that is none"));
                    }
                    self.longest = value as usize;
                }
                _ => {}
            }
        }
        frame::whole(&mut self.out, frame::SETTINGS, frame::ACK, 0, &[]);
        self.push_bodies();
        self.turn.notify_waiters();
        Ok(())
    }

    fn widen(&mut self, id: u32, by: u32) -> Result<(), Fault> {
        let by = i64::from(by & 0x7fff_ffff);
        if by == 0 {
            let why = said("a window that grows by nothing");
            // RFC 9113, 6.9
            return Err(match id {
                0 => Fault::Connection(Code::PROTOCOL_ERROR, why),
                _ => Fault::Stream(Code::PROTOCOL_ERROR, why),
            });
        }
        if id == 0 {
            self.window += by;
            if self.window > frame::WIDEST {
                return Err(overflow());
            }
        } else if let Some(stream) = self.running(id)? {
            stream.window += by;
            if stream.window > frame::WIDEST {
                return Err(Fault::Stream(
                    Code::FLOW_CONTROL_ERROR,
                    said("a window that is too wide"),
                ));
            }
        }
        self.push_bodies();
        Ok(())
    }

    /// The peer takes no further streams, and names the last one that it looks at (RFC 9113, 6.8).
    fn goaway(&mut self, content: &[u8]) -> Result<(), Fault> {
        let Some((head, said)) = content.split_first_chunk::<8>() else {
            return Err(protocol("a GOAWAY that is cut off"));
        };
        let [a, b, c, d, code @ ..] = *head;
        let last = u32_of([a, b, c, d]) & 0x7fff_ffff;
        let mut message = format!("the server is going away (GOAWAY): {}", Code(u32_of(code)));
        if !said.is_empty() {
            let said = String::from_utf8_lossy(&said[..said.len().min(SHOWN)]);
            message = format!("{message}, {}", said.escape_debug());
        }
        let why = Failure::new(FailureKind::Reset, message);
        self.leaving = Some(why.clone());
        let mut broken = 0;
        for (id, stream) in &mut self.streams {
            if *id > last && stream.ended.is_none() {
                stream.break_off(why.clone(), Broken::untried);
                broken += 1;
            }
        }
        self.active -= broken;
        self.turn.notify_waiters();
        Ok(())
    }
}

fn protocol(what: &str) -> Fault {
    Fault::Connection(Code::PROTOCOL_ERROR, said(what))
}

fn overflow() -> Fault {
    Fault::Connection(Code::FLOW_CONTROL_ERROR, said("a window that is too wide"))
}

/// The content of a frame that has one size.
fn exact<const N: usize>(content: &[u8]) -> Result<[u8; N], Fault> {
    content
        .try_into()
        .map_err(|_| Fault::Connection(Code::FRAME_SIZE_ERROR, said("a frame of the wrong size")))
}

/// What somebody says who does not speak HTTP/2.
fn no_http2(bytes: &[u8]) -> Failure {
    let said_instead = String::from_utf8_lossy(&bytes[..bytes.len().min(20)]);
    said(&format!(
        "the server begins with `{}`",
        said_instead.escape_debug()
    ))
}
