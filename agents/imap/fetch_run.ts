import { ChangedAnswer, withoutContent } from "./changed_answer.ts";
import { ChangedMessage } from "./changed_message.ts";
import type { ClientOutput } from "./client_output.ts";
import { FetchGate, type GateView } from "./fetch_gate.ts";
import type { FetchHandler } from "./fetch_response.ts";
import {
  type FetchRequest,
  isInSet,
  namedMessages,
  requestClass,
  writeFetch,
  writeSets,
} from "./fetch_request.ts";
import { MAX_NAMED, MAX_SET_OCTETS, PROGRESS_MS, SCAN_BATCH } from "./limits.ts";
import {
  MessageScanner,
  type ScanSession,
  UidHandler,
  WholeMessageHandler,
} from "./message_scanner.ts";
import type { ServerLink, Tagged } from "./server_link.ts";

/** Messages that go through one round of scanning and answering, where most of them are known already. */
const ROUND = 1000;

/** What a run needs of its session. */
export interface FetchSession extends ScanSession {
  readonly link: ServerLink;
  readonly output: ClientOutput;
  /** Sets what becomes of FETCH responses until the next call; `undefined`: flags alone pass. */
  onFetch(handler: ((number: number) => FetchHandler) | undefined): void;
  heldBack: GateView["heldBack"];
}

/** A message of the set, by what the command calls it. */
interface Named {
  /** UID, or sequence number. */
  readonly name: number;
  readonly uid: number;
}

function sets(messages: readonly Named[]): Iterable<string> {
  return writeSets(messages.map(({ name }) => name), MAX_SET_OCTETS);
}

/**
 * Answers one FETCH that asks for more than flags. Messages are fetched whole and scanned, round by round; then the server answers
 * the client's own request for them, and the gate passes or replaces item by item.
 *
 * While a FETCH by sequence numbers is answered, nothing but FETCH by sequence numbers goes to the server: it sends no EXPUNGE then
 * (RFC 9051, section 7.5.1), and the numbers stay what they are.
 */
export class FetchRun {
  readonly #session: FetchSession;
  readonly #request: FetchRequest;
  readonly #scanner: MessageScanner;
  #view: GateView | undefined;
  /** Something that was asked for of a message that cannot be scanned now was not shown. */
  #withheld = false;
  /** The worst end of the server's. */
  #end: Tagged | undefined;

  constructor(session: FetchSession, request: FetchRequest) {
    this.#session = session;
    this.#request = request;
    const binary = request.items.some(({ name }) => name.startsWith("BINARY"));
    this.#scanner = new MessageScanner(session, binary);
  }

  /** Runs it to its end, and gives what the client is to hear of it. */
  async run(): Promise<Tagged> {
    const progress = setInterval(() => {
      this.#session.output.say("* OK Still checking messages\r\n");
      this.#session.output.flush().catch(() => {}); // who waits for the client hears of it
    }, PROGRESS_MS);
    try {
      return await this.#run();
    } finally {
      clearInterval(progress);
      this.#session.onFetch(undefined);
      await this.#scanner.close();
    }
  }

  async #run(): Promise<Tagged> {
    const { overview } = this.#session.settings;
    const kind = requestClass(this.#request);
    const isList = kind === "overview" && !this.#scansList(overview);
    this.#view = {
      request: this.#request,
      known: (uid) => this.#scanner.recall(uid) ? this.#scanner.known.get(uid) : undefined,
      overview: kind === "overview" && overview !== "scan",
      heldBack: (uid, item) => {
        if (uid !== undefined && this.#scanner.deferred.has(uid)) this.#withheld = true;
        this.#session.heldBack(uid, item);
      },
      room: (octets) => Promise.resolve(octets <= this.#session.settings.messageSize),
    };
    const named = isList ? await this.#list() : await this.#messages();
    if (!named || named.length === 0) return this.#end!;
    let at = 0;
    const strict = kind === "content" || overview === "scan"; // what was not scanned is not shown at all
    do at = await this.#round(named, at, strict); while (at < named.length);
    return this.#ending(strict || this.#withheld);
  }

  /** Shows a list, and gives the messages that are to be scanned first all the same. */
  async #list(): Promise<readonly Named[]> {
    const view = this.#view!;
    const later: Named[] = [];
    this.#view = {
      ...view,
      later: (number, uid) => later.push({ name: this.#request.uid ? uid : number, uid }),
    };
    await this.#ask(writeFetch(this.#request, this.#request.set, true));
    this.#view = view;
    return later;
  }

  /** Whether what is asked for is scanned first, although a list might show it. */
  #scansList(overview: "auto" | "scan" | "pass"): boolean {
    if (overview !== "auto") return overview === "scan";
    const { set } = this.#request;
    return set === "*" || namedMessages(set, this.#session.settings.listMessages) !== undefined;
  }

  /** The messages of the set; `undefined` where the server would not tell. */
  async #messages(): Promise<readonly Named[] | undefined> {
    const { uid, set, changedSince, vanished } = this.#request;
    if (uid && changedSince === undefined) {
      const named = namedMessages(set, MAX_NAMED);
      if (named) return named.map((each) => ({ name: each, uid: each }));
    }
    const found: Named[] = [];
    this.#session.onFetch((number) =>
      new UidHandler((id, tellsFlags) => {
        // With `$` nobody here knows the set: flags were not asked for, and so tell of another message.
        if (set !== "$" || !tellsFlags) found.push({ name: uid ? id : number, uid: id });
      }, this.#plain(number))
    );
    const modifiers = [
      ...(changedSince === undefined ? [] : [`CHANGEDSINCE ${changedSince}`]),
      ...(vanished ? ["VANISHED"] : []),
    ];
    const behind = modifiers.length > 0 ? ` (${modifiers.join(" ")})` : "";
    const command = `${uid ? "UID " : ""}FETCH ${set} (UID)${behind}`;
    const end = await this.#session.link.ask([command], { quiet: true });
    this.#worse(end);
    const last = found.reduce((most, { name }) => Math.max(most, name), 0);
    const asked = set === "$" ? found : found.filter(({ name }) => isInSet(set, name, last));
    return asked.length === 0 ? undefined : asked;
  }

  /** @returns where the next round begins. */
  async #round(messages: readonly Named[], from: number, strict: boolean): Promise<number> {
    const unknown: Named[] = [];
    let to = from;
    while (to < messages.length && to - from < ROUND && unknown.length < SCAN_BATCH) {
      const message = messages[to++]!;
      if (!this.#scanner.recall(message.uid)) unknown.push(message);
    }
    if (unknown.length > 0) await this.#scan(unknown);
    const answered = messages.slice(from, to)
      .filter(({ uid }) => !strict || !this.#scanner.deferred.has(uid));
    const isChanged = ({ uid }: Named) => this.#scanner.known.get(uid) instanceof ChangedMessage;
    for (const set of sets(answered.filter((each) => !isChanged(each)))) {
      await this.#ask(writeFetch(this.#request, set, false));
    }
    for (const set of sets(answered.filter(isChanged))) await this.#askAboutChanged(set);
    this.#scanner.known.clear(); // the cache has them, as far as it has room
    return to;
  }

  async #scan(messages: readonly Named[]): Promise<void> {
    this.#session.onFetch((number) => new WholeMessageHandler(this.#scanner, this.#plain(number)));
    for (const set of sets(messages)) {
      const command = `${this.#request.uid ? "UID " : ""}FETCH ${set} (UID BODY.PEEK[])`;
      await this.#session.link.ask([command], { quiet: true });
    }
    await this.#scanner.done();
  }

  /** The server answers the client's request, and the gate looks at each item. */
  async #ask(command: string): Promise<void> {
    const { output, link } = this.#session;
    this.#session.onFetch((number) => new FetchGate(output, this.#view!, number));
    this.#worse(await link.ask([command]));
  }

  /** Of messages that were changed the server is asked for flags and the like alone. */
  async #askAboutChanged(set: string): Promise<void> {
    const { output, link } = this.#session;
    this.#session.onFetch((number) => new ChangedAnswer(output, this.#view!, number));
    this.#worse(await link.ask([writeFetch(withoutContent(this.#request), set, false)]));
  }

  /** For flags that come along. */
  #plain(number: number): FetchHandler {
    const { request: _, ...view } = this.#view!;
    return new FetchGate(this.#session.output, view, number);
  }

  #worse(end: Tagged): void {
    const rank = { OK: 0, NO: 1, BAD: 2 };
    if (!this.#end || rank[end.status] >= rank[this.#end.status]) this.#end = end;
  }

  #ending(strict: boolean): Tagged {
    const [text] = this.#scanner.deferred.values();
    if (text !== undefined && strict) {
      return { status: "NO", text: text.startsWith("[") ? text : `[UNAVAILABLE] ${text}` };
    }
    return this.#end ?? { status: "OK", text: "FETCH completed" };
  }
}
