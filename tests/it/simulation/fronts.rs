//! What a session does before, between and instead of relaying, step by step.

use l4lb::session::{
    Cause, Deadline, Direction, Edit, Limits, Outcome, Place, Readiness, Session, Side, Step,
};

use super::world::LIMITS;

const ANSWERS: Limits = Limits {
    answers: true,
    ..LIMITS
};
const GREETS: Limits = Limits {
    greets: true,
    ..LIMITS
};
const ROUTE: [(Step, Outcome); 3] = [
    (Step::Choose, Outcome::Done),
    (Step::Connect, Outcome::Done),
    (Step::FinishConnect, Outcome::Done),
];
const READY: Readiness = Readiness::READABLE;

/// Plays steps that are expected, with their outcomes.
#[track_caller]
fn play(session: &mut Session, limits: &Limits, script: &[(Step, Outcome)]) {
    for (at, (step, outcome)) in script.iter().enumerate() {
        if *step == Step::FinishConnect {
            session.hint(Side::Backend, Readiness::WRITABLE);
        }
        assert_eq!(session.next_step(), *step, "step {at}");
        session.record(*step, *outcome, limits);
    }
}

/// A client that may say something, and read what it is told.
fn expecting() -> Session {
    let mut session = Session::expecting();
    assert_eq!(session.next_step(), Step::Wait);
    session.hint(Side::Client, READY | Readiness::WRITABLE);
    session
}

fn ended(session: &Session) -> (String, bool) {
    match session.next_step() {
        Step::Close(reason) => (reason.to_string(), session.ends_by_reset(Side::Client)),
        other => panic!("{other:?}"),
    }
}

/// The whole of a message, as it is passed on.
const fn message(read: usize, held: usize) -> Outcome {
    Outcome::Edited(Edit {
        read,
        held,
        place: Place::Preface,
        over: true,
        drained: true,
    })
}

/// A whole request of ten bytes that becomes twelve, and its route.
fn request(session: &mut Session, choose: &[(Step, Outcome)]) {
    session.preface(Direction::Upload, 10, 12);
    session.end_message(Direction::Upload);
    play(session, &ANSWERS, &[(Step::Preface, Outcome::Done)]);
    play(session, &ANSWERS, choose);
}

#[test]
fn what_comes_first_is_heard_before_a_backend_is_picked_and_sent_before_all_else() {
    let mut session = expecting();
    assert_eq!(session.deadline(), Deadline::Preamble { begun: false });
    play(
        &mut session,
        &LIMITS,
        &[
            (Step::Preface, Outcome::Interrupted),
            (Step::Preface, Outcome::Moved(5)),
            (Step::Preface, Outcome::WouldBlock),
        ],
    );
    assert_eq!(session.next_step(), Step::Wait);
    assert_eq!(session.deadline(), Deadline::Preamble { begun: true });
    session.hint(Side::Client, READY);
    // What it needs may be to write.
    play(&mut session, &LIMITS, &[(Step::Preface, Outcome::Full)]);
    session.hint(Side::Client, READY);
    assert_eq!(session.next_step(), Step::Wait);
    session.hint(Side::Client, Readiness::WRITABLE);
    session.preface(Direction::Upload, 8, 20);
    play(&mut session, &LIMITS, &[(Step::Preface, Outcome::Done)]);
    play(&mut session, &LIMITS, &ROUTE);
    let upload = Direction::Upload;
    play(
        &mut session,
        &LIMITS,
        &[(Step::Send(upload), Outcome::Moved(15))],
    );
    assert_eq!(session.flow(upload).held_range(), 15..20);
    session.hint(Side::Backend, Readiness::WRITABLE);
    play(
        &mut session,
        &LIMITS,
        &[
            (Step::Send(upload), Outcome::Moved(5)),
            (Step::Receive(upload), Outcome::WouldBlock),
        ],
    );
    assert_eq!(session.flow(upload).received(), 8);
    assert_eq!(session.flow(upload).sent(), 20);
}

#[test]
fn a_client_that_is_refused_is_told_why_where_it_can_be_told() {
    let table = [
        (Outcome::Denied(Cause::BadPreamble), "PR"),
        (Outcome::Denied(Cause::Denied), "PR"),
        (Outcome::Ended, "CR"),
        (Outcome::Broken, "CR"),
    ];
    for (outcome, letters) in table {
        let mut session = expecting();
        play(&mut session, &LIMITS, &[(Step::Preface, outcome)]);
        // Whoever ends before a word is not told that anything was cut short.
        let is_reset = outcome != Outcome::Ended;
        assert_eq!(ended(&session), (letters.to_owned(), is_reset));
        let mut session = expecting();
        play(&mut session, &ANSWERS, &[(Step::Preface, outcome)]);
        if matches!(outcome, Outcome::Denied(_)) {
            play(
                &mut session,
                &ANSWERS,
                &[
                    (Step::Answer, Outcome::Moved(7)),
                    (Step::Answer, Outcome::WouldBlock),
                ],
            );
            assert_eq!(session.next_step(), Step::Wait);
            assert_eq!(session.deadline(), Deadline::Answer);
            session.hint(Side::Client, READY);
            play(&mut session, &ANSWERS, &[(Step::Answer, Outcome::Done)]);
            assert_eq!(ended(&session), (letters.to_owned(), false));
            assert_eq!(session.flow(Direction::Download).sent(), 7);
        }
    }
    let mut session = expecting();
    session.expire(&ANSWERS);
    play(&mut session, &ANSWERS, &[(Step::Answer, Outcome::Broken)]);
    assert_eq!(ended(&session), ("cR".to_owned(), true));
}

#[test]
fn a_client_without_a_backend_is_told_so_and_a_stop_does_not_change_the_reason() {
    let mut session = expecting();
    request(&mut session, &[(Step::Choose, Outcome::NoneLive)]);
    play(&mut session, &ANSWERS, &[(Step::Answer, Outcome::Full)]);
    assert_eq!(session.next_step(), Step::Wait);
    session.cut(Cause::Drained);
    assert_eq!(ended(&session), ("SC".to_owned(), true));
}

#[test]
fn a_backend_is_greeted_before_it_has_the_clients_bytes_and_another_one_is_tried_after_it() {
    let mut session = Session::new();
    play(&mut session, &GREETS, &ROUTE);
    let failed = Outcome::Failed(l4lb::session::DialError::Tls);
    play(
        &mut session,
        &GREETS,
        &[
            (Step::Greet, Outcome::Interrupted),
            (Step::Greet, Outcome::WouldBlock),
        ],
    );
    assert_eq!(session.next_step(), Step::Wait);
    assert_eq!(session.deadline(), Deadline::Connect { attempt: 1 });
    session.hint(Side::Backend, READY);
    play(&mut session, &GREETS, &[(Step::Greet, failed)]);
    play(&mut session, &GREETS, &ROUTE);
    play(&mut session, &GREETS, &[(Step::Greet, Outcome::Done)]);
    assert!(session.is_relaying());
    assert_eq!(session.attempts(), 2);
}

#[test]
fn exchanges_follow_each_other_with_the_same_backend_or_another_one() {
    let (up, down) = (Direction::Upload, Direction::Download);
    let mut session = expecting();
    for round in 0..3 {
        let kept: &[(Step, Outcome)] = &[(Step::Choose, Outcome::Kept)];
        request(&mut session, if round == 1 { kept } else { &ROUTE });
        session.hint(Side::Backend, READY | Readiness::WRITABLE);
        let script = [
            (Step::Send(up), Outcome::Moved(12)),
            (Step::Receive(down), message(30, 40)),
            (Step::Send(down), Outcome::Moved(40)),
            (Step::Rest, Outcome::Done),
        ];
        play(&mut session, &ANSWERS, &script);
        assert_eq!(session.deadline(), Deadline::Preamble { begun: false });
    }
    assert_eq!(session.flow(up).received(), 30);
    assert_eq!(session.flow(down).sent(), 120);
}

#[test]
fn an_exchange_is_over_with_its_response_and_what_is_left_of_the_request_is_nobodys() {
    let (up, down) = (Direction::Upload, Direction::Download);
    let mut session = expecting();
    session.preface(up, 10, 12);
    play(&mut session, &ANSWERS, &[(Step::Preface, Outcome::Done)]);
    play(&mut session, &ANSWERS, &ROUTE);
    session.hint(Side::Backend, READY | Readiness::WRITABLE);
    let script = [
        (Step::Send(up), Outcome::Moved(12)),
        (Step::Receive(down), message(30, 40)),
        (Step::Send(down), Outcome::Moved(40)),
        // The client still speaks, and hears the end before its socket is closed.
        (Step::Rest, Outcome::WouldBlock),
        (Step::Answer, Outcome::Done),
    ];
    play(&mut session, &ANSWERS, &script);
    assert_eq!(ended(&session), ("--".to_owned(), false));
}

#[test]
fn a_client_that_goes_between_two_exchanges_has_gone_in_peace() {
    let (up, down) = (Direction::Upload, Direction::Download);
    let exchange = || {
        let mut session = expecting();
        request(&mut session, &ROUTE);
        session.hint(Side::Backend, READY | Readiness::WRITABLE);
        let script = [
            (Step::Send(up), Outcome::Moved(12)),
            (Step::Receive(down), message(30, 0)),
            (Step::Rest, Outcome::Done),
        ];
        play(&mut session, &ANSWERS, &script);
        session
    };
    let mut session = exchange();
    play(&mut session, &ANSWERS, &[(Step::Preface, Outcome::Ended)]);
    assert_eq!(ended(&session), ("--".to_owned(), false));
    let mut session = exchange();
    session.expire(&ANSWERS);
    assert_eq!(ended(&session), ("cR".to_owned(), false), "idle");
    // While nothing is heard of the client, a kept backend that goes is seen.
    let mut session = exchange();
    play(
        &mut session,
        &ANSWERS,
        &[(Step::Preface, Outcome::WouldBlock)],
    );
    session.hint(Side::Backend, READY);
    play(&mut session, &ANSWERS, &[(Step::Tend, Outcome::Done)]);
    assert_eq!(session.next_step(), Step::Wait);
}

#[test]
fn a_message_that_ends_with_its_stream_is_the_last_one() {
    let (up, down) = (Direction::Upload, Direction::Download);
    let mut session = expecting();
    request(&mut session, &ROUTE);
    session.hint(Side::Backend, READY | Readiness::WRITABLE);
    let script = [
        (Step::Send(up), Outcome::Moved(12)),
        (Step::Receive(down), Outcome::Ended),
    ];
    play(&mut session, &ANSWERS, &script);
    assert_eq!(ended(&session), ("--".to_owned(), false));
}

#[test]
fn a_side_that_has_to_be_told_of_the_end_in_words_is_told_before_it_is_closed() {
    let (up, down) = (Direction::Upload, Direction::Download);
    let mut session = Session::new();
    session.make_formal(Side::Client);
    session.copy_only();
    play(&mut session, &LIMITS, &ROUTE);
    session.hint(Side::Client, READY | Readiness::WRITABLE);
    session.hint(Side::Backend, READY | Readiness::WRITABLE);
    let script = [
        (Step::Receive(up), Outcome::Ended),
        (Step::Shutdown(up), Outcome::Done),
        (Step::Receive(down), Outcome::Ended),
        (Step::Shutdown(down), Outcome::Full),
    ];
    play(&mut session, &LIMITS, &script);
    assert_eq!(session.next_step(), Step::Wait);
    session.hint(Side::Client, Readiness::WRITABLE);
    play(
        &mut session,
        &LIMITS,
        &[(Step::Shutdown(down), Outcome::Done)],
    );
    assert_eq!(ended(&session), ("--".to_owned(), false));
}

/// A session whose request was sent, and of whose response a part is held.
fn answered_in_part() -> Session {
    let (up, down) = (Direction::Upload, Direction::Download);
    let mut session = expecting();
    request(&mut session, &ROUTE);
    session.hint(Side::Backend, READY | Readiness::WRITABLE);
    let script = [
        (Step::Send(up), Outcome::Moved(12)),
        (Step::Receive(down), Outcome::Moved(100)),
    ];
    play(&mut session, &ANSWERS, &script);
    session
}

#[test]
fn a_client_that_goes_in_the_midst_of_a_response_ends_its_session() {
    let (up, down) = (Direction::Upload, Direction::Download);
    let mut session = answered_in_part();
    let script = [
        (Step::Send(down), Outcome::Broken),
        (Step::AwaitDelivery(up), Outcome::Queued(0)),
    ];
    play(&mut session, &ANSWERS, &script);
    assert_eq!(ended(&session), ("CD".to_owned(), true));
}

#[test]
fn a_backend_that_is_reset_after_a_whole_response_has_said_it_all_the_same() {
    let down = Direction::Download;
    let mut session = answered_in_part();
    let script = [
        (Step::Send(down), Outcome::Moved(60)),
        (Step::Keep(down), Outcome::Done),
    ];
    play(&mut session, &ANSWERS, &script);
    session.end_message(down);
    session.hint(Side::Backend, Readiness::SUSPECT);
    let checked = (Step::CheckError(Side::Backend), Outcome::BrokenWith(0));
    play(&mut session, &ANSWERS, &[checked]);
    session.hint(Side::Client, Readiness::WRITABLE);
    let script = [
        (Step::Send(down), Outcome::Moved(40)),
        (Step::Rest, Outcome::Done),
    ];
    play(&mut session, &ANSWERS, &script);
    assert_eq!(session.deadline(), Deadline::Preamble { begun: false });
}

#[test]
fn a_change_of_protocol_with_a_backend_that_is_gone_ends() {
    let (up, down) = (Direction::Upload, Direction::Download);
    let mut session = answered_in_part();
    play(
        &mut session,
        &ANSWERS,
        &[(Step::Send(down), Outcome::Moved(100))],
    );
    session.hint(Side::Backend, Readiness::SUSPECT);
    let checked = (Step::CheckError(Side::Backend), Outcome::BrokenWith(0));
    play(&mut session, &ANSWERS, &[checked]);
    assert_eq!(session.next_step(), Step::Receive(down));
    session.unbind();
    session.preface(up, 5, 5);
    let switched = Outcome::Edited(Edit {
        read: 10,
        held: 10,
        place: Place::Preface,
        over: false,
        drained: true,
    });
    session.record(Step::Receive(down), switched, &ANSWERS);
    for _ in 0..20 {
        let outcome = match session.next_step() {
            Step::Close(_) => return,
            Step::Send(way) if way == down => Outcome::Moved(10),
            Step::AwaitDelivery(_) => Outcome::Queued(0),
            Step::Receive(_) | Step::Send(_) => Outcome::Broken,
            _ => Outcome::Done,
        };
        session.record(session.next_step(), outcome, &ANSWERS);
    }
    panic!("it goes on with {:?}", session.next_step());
}
