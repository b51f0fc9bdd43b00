//! A model of two clients that run the lease's protocol against one Parameter Store, checked exhaustively.
//!
//! The clients are the real state machine. Around it, in every order: requests that are done late (up to the age that
//! AWS still accepts), answers that get lost or come late, reads that are stale, and clients that stop for any time or
//! for ever. The property: no mutation of an older epoch is done after one of a newer epoch.

use std::fmt;

mod explore;

use super::machine::{Action, Event, Flaw, Machine, Mark, Slot, Stage, Timing};

/// AWS accepts a request that was signed so long ago.
const ACCEPTED: u8 = 1;
/// Reads may show what was true one tick ago.
const STALE: u8 = 1;
/// The protocol's figures in ticks, with the relations of the real ones.
const TIMING: Timing = Timing { lease: 2, renew: 1, grace: (ACCEPTED + STALE) as u64, settle: 1, poll: 0 };
/// Slots, ticks, mutations of one client, and requests under way of one client: where the model ends.
const SLOTS: usize = 2;
const TICKS: u8 = 6;
const MUTATIONS: u8 = 1;
const MESSAGES: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    owner: u8,
    mark: Mark,
    renewed: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Create,
    Renew,
    Release,
    Mutate,
}

impl Sort {
    /// What a client does that sends one, in a trace.
    fn sent(self) -> &'static str {
        match self {
            Self::Create => "sends the creation of its slot",
            Self::Renew => "sends a renewal",
            Self::Release => "sends its release",
            Self::Mutate => "sends a mutation",
        }
    }

    /// What happens to a client whose request AWS does, in a trace.
    fn done(self) -> &'static str {
        match self {
            Self::Create => "has its creation done or refused",
            Self::Renew => "has its renewal done",
            Self::Release => "has its release done",
            Self::Mutate => "has its mutation done",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message {
    sort: Sort,
    epoch: u8,
    signed: u8,
    /// The client still waits for the answer.
    awaited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Client {
    stage: Stage,
    /// What the machine wants done next.
    wants: Option<Action>,
    /// The answer to the awaited request, on its way: done or refused.
    answer: Option<bool>,
    messages: [Option<Message>; MESSAGES],
    mutation: Option<Message>,
    mutations: u8,
    /// The answer to a mutation never came: the lease is not released.
    unanswered: bool,
}

#[derive(Clone, Copy, Debug)]
struct World {
    now: u8,
    slots: [Option<Cell>; SLOTS],
    before: [Option<Cell>; SLOTS],
    clients: [Client; 2],
    newest: u8,
    /// A mutation of an older epoch was done.
    broken: bool,
}

/// Something that happens, and the world after it.
#[derive(Clone, Copy)]
struct Step {
    /// Whose it is, or nobody's where time passes.
    client: Option<usize>,
    what: &'static str,
    world: World,
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.world.now;
        match self.client {
            Some(client) => write!(
                formatter,
                "tick {now}: client {client} {}, and is {:?}",
                self.what, self.world.clients[client].stage
            ),
            None => write!(formatter, "tick {now}: {}", self.what),
        }
    }
}

/// Which protocol is checked.
#[derive(Clone, Copy)]
struct Protocol {
    timing: Timing,
    flaw: Flaw,
}

impl World {
    fn start() -> Self {
        let client = Client {
            stage: Stage::Idle,
            wants: None,
            answer: None,
            messages: [None; MESSAGES],
            mutation: None,
            mutations: 0,
            unanswered: false,
        };
        Self { now: 0, slots: [None; SLOTS], before: [None; SLOTS], clients: [client; 2], newest: 0, broken: false }
    }

    /// Everything that may happen next.
    fn next(&self, protocol: Protocol, out: &mut Vec<Step>) {
        if self.now < TICKS {
            out.push(Step { client: None, what: "time passes", world: self.tick() });
        }
        for client in 0..2 {
            self.requests_done(client, out);
            self.acts(client, protocol, out);
        }
    }

    fn tick(&self) -> World {
        let mut world = *self;
        world.now += 1;
        world.before = self.slots;
        for client in &mut world.clients {
            for message in &mut client.messages {
                *message = message.filter(|message| message.signed + ACCEPTED >= world.now);
            }
            if client.mutation.is_some_and(|mutation| mutation.signed + ACCEPTED < world.now) {
                client.mutation = None;
                client.unanswered = true;
            }
        }
        world
    }

    /// AWS does one of the requests of a client that are under way.
    fn requests_done(&self, of: usize, out: &mut Vec<Step>) {
        let mut happens = |what, world| out.push(Step { client: Some(of), what, world });
        for (place, message) in self.clients[of].messages.iter().enumerate() {
            let Some(message) = *message else { continue };
            let mut world = *self;
            world.clients[of].messages[place] = None;
            let cell = &mut world.slots[usize::from(message.epoch) - 1];
            let mark = if message.sort == Sort::Release { Mark::Released } else { Mark::Held };
            let done = message.sort != Sort::Create || cell.is_none();
            if done {
                *cell = Some(Cell { owner: owner_of(of), mark, renewed: self.now });
            }
            if message.awaited {
                world.clients[of].answer = Some(done);
            }
            // A create that lost is none any more, and neither is another one for the same slot.
            for client in &mut world.clients {
                for message in &mut client.messages {
                    let slots = &world.slots;
                    *message = message.filter(|message| {
                        message.awaited
                            || message.sort != Sort::Create
                            || slots[usize::from(message.epoch) - 1].is_none()
                    });
                }
            }
            happens(message.sort.done(), world);
        }
        if let Some(mutation) = self.clients[of].mutation {
            let mut world = *self;
            world.broken = mutation.epoch < self.newest;
            world.newest = mutation.epoch;
            world.clients[of].mutation = None;
            happens(Sort::Mutate.done(), world);
            world.clients[of].unanswered = true;
            happens("has its mutation done and loses the answer", world);
        }
    }

    /// A client does something.
    fn acts(&self, which: usize, protocol: Protocol, out: &mut Vec<Step>) {
        let client = self.clients[which];
        let machine = Machine::resumed(u128::from(owner_of(which)), protocol.timing, protocol.flaw, client.stage);
        let now = u64::from(self.now);
        let mut deliver = |world: &World, event: Event| {
            let mut world = *world;
            let stage = world.clients[which].stage;
            let mut machine = Machine::resumed(u128::from(owner_of(which)), protocol.timing, protocol.flaw, stage);
            let what = heard(&event);
            let action = machine.step(now, event);
            let client = &mut world.clients[which];
            client.stage = machine.stage();
            // Waiting and pausing is what clients do anyway: for any time.
            client.wants = action.filter(|action| !matches!(action, Action::Wait { .. } | Action::Pause));
            out.push(Step { client: Some(which), what, world });
        };
        match client.wants {
            Some(Action::Read { epoch }) => {
                let seen = |view: &[Option<Cell>; SLOTS]| slot(*view, epoch as usize - 1, protocol);
                return self.views(|view| deliver(self, Event::Seen(seen(view))));
            }
            Some(Action::Create { epoch, again }) => {
                let mut world = *self;
                if again && protocol.flaw == Flaw::RestartsClock {
                    world.clients[which].stage = Stage::Taking { epoch, first: now };
                }
                return world.sends(which, Sort::Create, epoch, out);
            }
            Some(Action::Renew { epoch }) => return self.sends(which, Sort::Renew, epoch, out),
            Some(Action::Release { epoch }) => return self.sends(which, Sort::Release, epoch, out),
            Some(Action::List | Action::Wait { .. } | Action::Pause) | None => {}
        }
        match client.stage {
            Stage::Idle => self.views(|view| {
                let mut asked = *self;
                let mut machine = machine;
                machine.step(now, Event::Asked);
                asked.clients[which].stage = machine.stage();
                deliver(&asked, Event::Listed { date: now, top: newest(*view, protocol) });
            }),
            Stage::Taking { .. } => {
                self.answers(which, |world, answer| {
                    deliver(world, if answer == Some(true) { Event::Created } else { Event::Unsure });
                });
            }
            Stage::Holding { sent: Some(_), .. } => {
                self.answers(which, |world, answer| {
                    deliver(world, if answer == Some(true) { Event::Renewed } else { Event::NotRenewed });
                });
                deliver(self, Event::Woken);
            }
            Stage::Holding { sent: None, .. } => {
                deliver(self, Event::Woken);
                if client.mutation.is_none() && !client.unanswered {
                    deliver(self, Event::Finished);
                }
            }
            Stage::Listing | Stage::Over | Stage::Lost => {}
        }
        if let Stage::Holding { epoch, .. } = client.stage
            && machine.may_send(now)
            && client.mutation.is_none()
            && client.mutations < MUTATIONS
        {
            let mut world = *self;
            let epoch = u8::try_from(epoch).expect("few slots");
            let mutation = Message { sort: Sort::Mutate, epoch, signed: self.now, awaited: true };
            world.clients[which].mutation = Some(mutation);
            world.clients[which].mutations += 1;
            out.push(Step { client: Some(which), what: Sort::Mutate.sent(), world });
        }
    }

    /// Everything that a read may show: each slot as it is, or as it was.
    fn views(&self, mut show: impl FnMut(&[Option<Cell>; SLOTS])) {
        let differing: Vec<usize> = (0..SLOTS).filter(|place| self.slots[*place] != self.before[*place]).collect();
        for choice in 0..1_usize << differing.len() {
            let mut view = self.slots;
            for (bit, place) in differing.iter().enumerate() {
                if choice & (1 << bit) != 0 {
                    view[*place] = self.before[*place];
                }
            }
            show(&view);
        }
    }

    /// A client signs and sends a request about its slot.
    fn sends(&self, which: usize, sort: Sort, epoch: u32, out: &mut Vec<Step>) {
        let mut world = *self;
        let client = &mut world.clients[which];
        let Some(place) = client.messages.iter().position(Option::is_none) else { return };
        if epoch as usize > SLOTS {
            return;
        }
        let epoch = u8::try_from(epoch).expect("few slots");
        client.messages[place] = Some(Message { sort, epoch, signed: self.now, awaited: sort != Sort::Release });
        client.wants = None;
        client.answer = None;
        out.push(Step { client: Some(which), what: sort.sent(), world });
    }

    /// A client gets the answer that it waits for, if there is one, or gives up on it.
    fn answers(&self, which: usize, mut deliver: impl FnMut(&World, Option<bool>)) {
        let mut world = *self;
        let client = &mut world.clients[which];
        let answer = client.answer.take();
        for message in client.messages.iter_mut().flatten() {
            message.awaited = false;
        }
        if answer.is_some() {
            deliver(&world, answer);
        }
        deliver(&world, None);
    }

    /// Packs the world, so that millions fit the memory. The two clients are alike: either order is the same world.
    fn key(&self) -> Key {
        self.packed(0).min(self.packed(1))
    }

    fn packed(&self, first: usize) -> Key {
        let mut key = [0; 40];
        let mut place = 0;
        let mut put = |byte: u8| {
            key[place] = byte;
            place += 1;
        };
        put(self.now << 4 | self.newest);
        for cell in self.slots.iter().chain(&self.before) {
            let owner = |cell: &Cell| u8::from(usize::from(cell.owner) == first + 1);
            let held = |cell: &Cell| u8::from(cell.mark == Mark::Held);
            put(cell.map_or(0, |cell| 0x80 | owner(&cell) << 5 | held(&cell) << 4 | cell.renewed));
        }
        for client in [&self.clients[first], &self.clients[1 - first]] {
            let small = |number: u64| u8::try_from(number).expect("few ticks");
            let (tag, epoch, first, second, third) = match client.stage {
                Stage::Idle => (0, 0, 0, 0, 0),
                Stage::Listing => (1, 0, 0, 0, 0),
                Stage::Taking { epoch, first } => (2, epoch, first, 0, 0),
                Stage::Holding { epoch, deadline, due, sent } => {
                    (3, epoch, deadline, due, sent.map_or(0, |sent| sent + 1))
                }
                Stage::Over => (4, 0, 0, 0, 0),
                Stage::Lost => (5, 0, 0, 0, 0),
            };
            put(tag << 4 | small(u64::from(epoch)));
            put(small(first) << 4 | small(second));
            let wants = match client.wants {
                None | Some(Action::Wait { .. } | Action::Pause) => 0,
                Some(Action::List) => 1,
                Some(Action::Create { again, .. }) => 2 + u8::from(again),
                Some(Action::Read { .. }) => 4,
                Some(Action::Renew { .. }) => 5,
                Some(Action::Release { epoch }) => 6 + small(u64::from(epoch)),
            };
            put(small(third) << 4 | wants);
            let answer = client.answer.map_or(0, |done| 1 + u8::from(done));
            put(answer << 6 | u8::from(client.unanswered) << 5 | client.mutations);
            for message in client.messages.iter().chain([&client.mutation]) {
                put(message.map_or(0, |message| 0x80 | (message.sort as u8) << 4 | message.signed));
                put(message.map_or(0, |message| message.epoch << 1 | u8::from(message.awaited)));
            }
        }
        key
    }
}

fn owner_of(client: usize) -> u8 {
    u8::try_from(client).expect("two clients") + 1
}

fn slot(view: [Option<Cell>; SLOTS], place: usize, protocol: Protocol) -> Option<Slot> {
    view[place].map(|cell| Slot {
        epoch: u32::try_from(place).expect("few slots") + 1,
        owner: u128::from(cell.owner),
        mark: cell.mark,
        renewed: u64::from(cell.renewed),
        lease: protocol.timing.lease,
    })
}

fn newest(view: [Option<Cell>; SLOTS], protocol: Protocol) -> Option<Slot> {
    (0..SLOTS).rev().find_map(|place| slot(view, place, protocol))
}

/// What a client learns by an event, in a trace.
fn heard(event: &Event) -> &'static str {
    match event {
        Event::Asked => "asks for the lease",
        Event::Listed { .. } => "reads the list of slots",
        Event::Created => "hears that the slot is its own",
        Event::Unsure => "does not know whether it has the slot",
        Event::Seen(_) => "reads one slot",
        Event::Woken => "looks at its clock",
        Event::Renewed => "hears that its lease is renewed",
        Event::NotRenewed => "does not know whether its lease is renewed",
        Event::Finished => "has finished its work",
    }
}

type Key = [u8; 40];
