/** The programs for mail servers under real ones: Postfix, Exim, procmail, maildrop. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Gateway } from "./gateway.ts";
import { infectedMail, mail } from "./mail.ts";
import { type EximOptions, startExim } from "./peers/exim.ts";
import { type PeerName, peerTest } from "./peers/peer.ts";
import { smtpdService, startPostfix } from "./peers/postfix.ts";
import { sendMail } from "./peers/smtp_client.ts";
import { run } from "./peers/process.ts";
import { readableProgram } from "./readable_program.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

/** A user that every Debian has, in whose name mail is delivered. */
const USER = "games";
const DOMAIN = "local.test";
const SENDER = "a@sender.test";

const POLICY = {
  settings: {
    antivirus: { infected: "reject", notScanned: "defer" },
    antispam: { action: "accept" },
    marks: { header: "never" },
  },
  rules: [
    { name: "later", when: { subject: "*later*" }, then: { action: "defer" } },
    { name: "drop", when: { subject: "*drop*" }, then: { action: "discard" } },
  ],
};

/** A gateway, the installed program, and directories that the mail user can write to. */
interface Scene extends AsyncDisposable {
  readonly directory: string;
  readonly socket: string;
  readonly program: string;
  readonly gateway: Gateway;
  /** A mailbox directory (maildir) of the mail user. */
  readonly box: string;
  use<T extends AsyncDisposable>(resource: T): T;
  /** A file that everybody may read; the mail user's where its mode is 0600, as maildrop wants it. */
  write(name: string, lines: readonly string[], mode?: number): Promise<string>;
  /** Messages in the maildir. */
  delivered(): Promise<string[]>;
}

async function scene(): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = stack.use(await temporaryDirectory()).path;
    const program = await readableProgram(directory);
    const socket = `${directory}/run/tools.sock`;
    const gateway = stack.use(
      await Gateway.start({
        agents: {},
        policy: POLICY,
        config: { tools: { socket: `unix:${socket}` } },
      }),
    );
    const box = `${directory}/box/Maildir`;
    for (
      const path of [
        `${directory}/box`,
        box,
        ...["new", "cur", "tmp"].map((n) => `${box}/${n}`),
      ]
    ) {
      await Deno.mkdir(path);
      await Deno.chmod(path, 0o777);
    }
    return {
      directory,
      socket,
      program,
      gateway,
      box,
      use: (resource) => stack.use(resource),
      async write(name, lines, mode = 0o644) {
        const path = `${directory}/${name}`;
        await Deno.writeTextFile(path, `${lines.join("\n")}\n`, { mode });
        await Deno.chmod(path, mode);
        if (mode === 0o600) {
          const { stdout } = await run("id", ["-u", USER]);
          await Deno.chown(path, Number(stdout), null);
        }
        return path;
      },
      async delivered() {
        const found: string[] = [];
        for await (const { name } of Deno.readDir(`${box}/new`)) {
          found.push(await Deno.readTextFile(`${box}/new/${name}`));
        }
        return found;
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function send(port: number, message: Uint8Array, recipient: string): Promise<void> {
  const { code, text } = await sendMail(port, { sender: SENDER, recipients: [recipient], message });
  assert.equal(code, 250, text);
}

/** Clean, infected, later, drop; each with a subject that the log and the mailbox show. */
const MAILS: readonly { readonly name: string; readonly message: Uint8Array }[] = [
  { name: "clean", message: mail("clean") },
  { name: "infected", message: infectedMail("infected") },
  { name: "later", message: mail("later") },
  { name: "drop", message: mail("drop") },
];

const bodyOf = (message: string) => message.slice(message.indexOf("\n\n") + 2);
const CLEAN_BODY = bodyOf(Buffer.from(mail("clean")).toString().replaceAll("\r\n", "\n"));

/** A Postfix whose local(8) has the command deliver. */
async function localPostfix(at: Scene, command: string) {
  const port = freePort();
  const directory = `${at.directory}/postfix`;
  await Deno.mkdir(directory);
  const postfix = at.use(
    await startPostfix({
      directory,
      main: [
        `mydestination = ${DOMAIN}`,
        `mailbox_command = ${command}`,
        "virtual_mailbox_domains =",
        "notify_classes =",
      ],
      services: [
        smtpdService(port, []),
        "local     unix  -       n       n       -       -       local",
      ],
    }, [port]),
  );
  return { port, postfix };
}

/** Asserts that the clean mail is in the mailbox, and no other. */
async function onlyClean(at: Scene): Promise<void> {
  const boxed = await at.delivered();
  assert.equal(boxed.length, 1);
  assert.equal(bodyOf(boxed[0]!), CLEAN_BODY);
}

/** Sends all, and waits until each is where it belongs. */
async function prove(
  at: Scene,
  port: number,
  recipient: string,
  log: () => Promise<string>,
  says: { readonly bounced: RegExp; readonly deferred: RegExp; readonly dropped: RegExp },
): Promise<void> {
  for (const { message } of MAILS) await send(port, message, recipient);
  let text = "";
  for (const pattern of [says.bounced, says.deferred, says.dropped]) {
    await until(`${pattern}`, async () => pattern.test(text = await log()), {
      more: () => `${text}\n${at.gateway.log}`,
    });
  }
  const boxed = await until("the clean mail", async () => {
    const all = await at.delivered();
    return all.length > 0 && all;
  }, { more: () => text });
  assert.equal(boxed.length, 1);
  assert.match(boxed[0]!, /^Subject: test clean$/m);
  assert.equal(bodyOf(boxed[0]!).trimEnd(), CLEAN_BODY.trimEnd()); // swaks ends what it reads by a line of its own
}

/** Postfix with local(8), whose mailbox_command is ours. */
async function withPostfix(at: Scene, command: string): Promise<void> {
  const { port, postfix } = await localPostfix(at, command);
  await prove(at, port, `${USER}@${DOMAIN}`, () => postfix.log(), {
    bounced: /postfix\/local.*status=bounced.*Message is infected/,
    deferred: /postfix\/local.*status=deferred/,
    dropped: /(?:postfix\/local.*status=sent[^]*){2}/,
  });
}

function postfixTest(
  peers: readonly PeerName[],
  name: string,
  agent: (at: Scene) => Promise<string>,
) {
  peerTest(["postfix", "postconf", ...peers], name, async () => {
    await using at = await scene();
    const command = await agent(at);
    await withPostfix(at, `${at.program} mda --socket ${at.socket} -- ${command}`);
  });
}

postfixTest(
  ["procmail"],
  "Postfix's mailbox_command runs procmail behind the wrapper",
  async (at) => {
    const rules = await at.write("procmailrc", [`DEFAULT=${at.box}/`, `ORGMAIL=${at.box}/`]);
    return `/usr/bin/procmail ${rules}`;
  },
);

postfixTest(
  ["maildrop"],
  "Postfix's mailbox_command runs maildrop behind the wrapper",
  async (at) => {
    const filter = await at.write("mailfilter", [`to "${at.box}"`], 0o600);
    return `/usr/bin/maildrop ${filter}`;
  },
);

/** Exim whose local transport is ours. */
async function withExim(at: Scene, transport: readonly string[]): Promise<() => Promise<string>> {
  const port = freePort();
  const options: EximOptions = {
    directory: at.directory,
    port,
    // All of it as Exim's own user: nothing here is root's.
    main: ["deliver_drop_privilege"],
    routers: ["ours:", "  driver = accept", `  domains = ${DOMAIN}`, "  transport = ours"],
    transports: ["ours:", ...transport.map((line) => `  ${line}`)],
  };
  const exim = at.use(await startExim(options));
  const log = () => exim.log();
  for (const { message } of MAILS) await send(port, message, `${USER}@${DOMAIN}`);
  return log;
}

peerTest(
  ["exim4", "procmail"],
  "Exim's pipe transport runs the wrapper before procmail",
  async () => {
    await using at = await scene();
    const rules = await at.write("procmailrc", [`DEFAULT=${at.box}/`, `ORGMAIL=${at.box}/`]);
    const log = await withExim(at, [
      "driver = pipe",
      `command = ${at.program} mda --mode exim --socket ${at.socket} -- /usr/bin/procmail ${rules}`,
      "return_path_add",
      "return_fail_output",
      "message_suffix =",
      "temp_errors = 75",
    ]);
    let text = "";
    for (
      const pattern of [
        /\*\* games@.*T=ours.* returned 77/,
        /== games@.*T=ours.* returned 75/,
        /(?:=> games.*T=ours[^]*){2}/,
      ]
    ) {
      await until(`${pattern}`, async () => pattern.test(text = await log()), { more: () => text });
    }
    await onlyClean(at);
  },
);

peerTest(
  ["exim4"],
  "Exim's transport_filter lets clean mail pass as it came and defers the rest",
  async () => {
    await using at = await scene();
    const filter = `${at.program} pipe --socket ${at.socket} -- $pipe_addresses`;
    const log = await withExim(at, [
      "driver = appendfile",
      "maildir_format",
      `directory = ${at.box}`,
      "return_path_add",
      `transport_filter = ${filter}`,
    ]);
    let text = "";
    // A filter cannot bounce: whatever is not accepted is deferred.
    const deferred = /(?:== games[^\n]*\n[^]*){3}/;
    await until(`${deferred}`, async () => deferred.test(text = await log()), { more: () => text });
    const boxed = await until("the clean mail", async () => {
      const all = await at.delivered();
      return all.length > 0 && all;
    });
    assert.equal(boxed.length, 1);
    assert.equal(bodyOf(boxed[0]!), CLEAN_BODY);
  },
);

peerTest(
  ["postfix", "postconf", "maildrop"],
  "maildrop's xfilter defers what the pipe does not pass",
  async () => {
    await using at = await scene();
    const filter = await at.write("mailfilter", [
      `SHELL="/bin/sh"`, // the user of this test has no shell of his own
      "import SENDER",
      `xfilter "${at.program} pipe --socket ${at.socket} -- games@${DOMAIN}"`,
      `to "${at.box}"`,
    ], 0o600);
    const { port, postfix } = await localPostfix(at, `/usr/bin/maildrop ${filter}`);
    for (const { message } of MAILS) await send(port, message, `${USER}@${DOMAIN}`);
    let text = "";
    const deferred = /(?:status=deferred[^]*){3}/;
    await until("three deferrals", async () => deferred.test(text = await postfix.log()), {
      more: () => text,
    });
    await until("the clean mail", async () => (await at.delivered()).length > 0, {
      more: () => text,
    });
    await onlyClean(at);
  },
);

peerTest(
  ["postfix", "postconf", "procmail"],
  "procmail's filter recipe passes, defers and refuses by the statuses of the pipe",
  async () => {
    await using at = await scene();
    const rules = await at.write("procmailrc", [
      `DEFAULT=${at.box}/`,
      `ORGMAIL=${at.box}/`,
      ":0 fwr",
      `| ${at.program} pipe --socket ${at.socket} -f "$SENDER" -- games@${DOMAIN}`,
      // Without these two procmail would go on with the message as it was before the filter.
      ":0 e",
      "{ EXITCODE=$? HOST=done }",
    ]);
    const { port, postfix } = await localPostfix(at, `/usr/bin/procmail SENDER="$SENDER" ${rules}`);
    for (const { name, message } of MAILS) {
      if (name !== "drop") await send(port, message, `${USER}@${DOMAIN}`);
    }
    let text = "";
    for (const pattern of [/status=bounced/, /status=deferred/, /status=sent/]) {
      await until(`${pattern}`, async () => pattern.test(text = await postfix.log()), {
        more: () => text,
      });
    }
    await onlyClean(at);
  },
);

peerTest(
  ["postfix", "postconf", "swaks"],
  "Postfix's pipe(8) runs the filter script of docs/pipe.md",
  async () => {
    await using at = await scene();
    const [front, back] = [freePort(), freePort()];
    const docs = await Deno.readTextFile(new URL("../docs/pipe.md", import.meta.url));
    const script = /^ {4}#!\/bin\/sh\n(?:(?: {4}.*)?\n)+/m.exec(docs)?.[0].replace(/^ {4}/gm, "");
    assert.ok(script);
    // The script of the page; the control socket and sendmail are those of this test.
    const ours = script.trim()
      .replace(
        "postern pipe --socket /var/lib/postern/control.sock",
        `${at.program} pipe --socket ${at.socket}`,
      )
      .replace(
        '/usr/sbin/sendmail -G -i -f "$sender" -- "$@" <"$out"',
        `swaks --suppress-data --server 127.0.0.1:${back} --from "$sender" --to "$1" --data "@$out" >/dev/null`,
      );
    assert.ok(ours.includes(at.socket) && ours.includes("swaks"));
    const filter = await at.write("filter", [ours], 0o755);
    const directory = `${at.directory}/postfix`;
    await Deno.mkdir(directory);
    const maildrop = await at.write("deliver", [
      "#!/bin/sh",
      `cat >"${at.box}/tmp/$$" && mv "${at.box}/tmp/$$" "${at.box}/new/"`,
    ], 0o755);
    const postfix = at.use(
      await startPostfix({
        directory,
        main: [
          `mydestination = ${DOMAIN}`,
          `mailbox_command = ${maildrop}`,
          "virtual_mailbox_domains =",
          "scan_destination_recipient_limit = 1",
        ],
        services: [
          smtpdService(front, ["content_filter=scan:"]),
          smtpdService(back, ["content_filter=", "syslog_name=postfix/back"]),
          `scan      unix  -       n       n       -       10      pipe flags=Rq user=${USER} null_sender= argv=${filter} \${sender} \${recipient}`,
          "local     unix  -       n       n       -       -       local",
        ],
      }, [front, back]),
    );
    await prove(at, front, `${USER}@${DOMAIN}`, () => postfix.log(), {
      bounced: /relay=scan.*status=bounced/,
      deferred: /relay=scan.*status=deferred/,
      dropped: /(?:relay=scan[^\n]*status=sent[^]*){2}/,
    });
  },
);
