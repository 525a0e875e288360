import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { EngineAnswer } from "./answer.ts";
import { connector } from "./connect.ts";
import { IcapClient, type IcapService } from "./icap.ts";
import { parseHead } from "./icap_head.ts";
import { icapInfections } from "./icap_infections.ts";
import { type Script, scriptedServer } from "./testing/server.ts";

const MESSAGE = Buffer.from("Subject: x\r\n\r\n" + "line of the body\r\n".repeat(20));
const OPTIONS = "ICAP/1.0 200 OK\r\nMethods: RESPMOD, REQMOD\r\nAllow: 204\r\n" +
  "Preview: 100\r\nOptions-TTL: 60\r\nEncapsulated: null-body=0\r\n\r\n";

const short = (answer: EngineAnswer) =>
  answer.status === "found"
    ? answer.found.map(({ name, guess }) => `${guess ? "?" : ""}${name}`).join(", ")
    : answer.status === "clean"
    ? "clean"
    : `${answer.reason}`;

const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const isWhole = (got: string) => got.endsWith("\r\n0\r\n\r\n") || got.endsWith("0; ieof\r\n\r\n");

/** 200 with a message of the server's own. */
function modified(head: string, body: string, sections = "res-hdr=0, res-body="): string {
  return `ICAP/1.0 200 OK\r\nEncapsulated: ${sections}${head.length}\r\n\r\n${head}${
    chunked(body)
  }`;
}

/** Asks a server that answers OPTIONS as usual and then runs the script. */
async function ask(
  script: (at: Script) => Promise<void>,
  service: Partial<IcapService> = {},
  octets: Uint8Array = MESSAGE,
): Promise<string> {
  await using server = scriptedServer(async (at) => {
    if ((await at.until((got) => got.includes("\r\n\r\n"))).startsWith("OPTIONS ")) {
      await at.say(OPTIONS);
    } else await script(at);
  });
  const url = `icap://${server.address}/scan`;
  const client = new IcapClient(
    { url, method: "respmod", preview: false, ...service },
    connector(server.address),
  );
  return short(
    await client.ask(octets, AbortSignal.timeout(60_000)).catch((error): EngineAnswer => ({
      status: "notScanned",
      reason: "unreachable",
      detail: `${error.message}`,
    })),
  );
}

const PAGE = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n";
const SAME = "HTTP/1.1 200 OK\r\nContent-Type: message/rfc822\r\n\r\n";

const ANSWERS: readonly [what: string, answer: string, want: string][] = [
  ["no modification", 'ICAP/1.0 204 No Content\r\nISTag: "1"\r\n\r\n', "clean"],
  ["204 with a finding", "ICAP/1.0 204 OK\r\nX-Virus-ID: Eicar\r\n\r\n", "Eicar"],
  ["no threats", "ICAP/1.0 204 OK\r\nX-Virus-ID: no threats\r\n\r\n", "clean"],
  [
    "an infection",
    "ICAP/1.0 200 OK\r\nX-Infection-Found: Type=0; Resolution=2; Threat=Eicar-Test;\r\n\r\n",
    "Eicar-Test",
  ],
  [
    "a policy violation",
    "ICAP/1.0 200 OK\r\nX-Infection-Found: Type=1; Resolution=0; Threat=Macro;\r\n\r\n",
    "?Macro",
  ],
  [
    "a container that it would not open",
    "ICAP/1.0 200 OK\r\nX-Infection-Found: Type=2; Resolution=2; Threat=Zip bomb;\r\n\r\n",
    "partial",
  ],
  [
    "several violations",
    "ICAP/1.0 200 OK\r\nX-Violations-Found: 2\r\n\ta.exe\r\n\tW32/A\r\n\t1\r\n\t2\r\n\tb.exe\r\n\tW32/B\r\n\t1\r\n\t2\r\n\r\n",
    "W32/A, W32/B",
  ],
  ["a page that blocks", modified(PAGE, "<h1>no</h1>"), "ICAP.Blocked"],
  ["the same again", modified(SAME, MESSAGE.toString("latin1")), "clean"],
  ["the same, and more", modified(SAME, MESSAGE.toString("latin1") + "x"), "?ICAP.Replaced"],
  ["another body", modified(SAME, "removed"), "?ICAP.Replaced"],
  [
    "no body",
    `ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, null-body=${SAME.length}\r\n\r\n${SAME}`,
    "?ICAP.Replaced",
  ],
  [
    "a threat in the encapsulated head",
    modified("HTTP/1.1 200 OK\r\nX-Virus-ID: Inner\r\n\r\n", "removed"),
    "Inner",
  ],
  ["200 and nothing else", "ICAP/1.0 200 OK\r\n\r\n", "malformed"],
  ["a chunk that has no size", `${modified(SAME, "").replace("0\r\n\r\n", "zz\r\n")}`, "malformed"],
  ["too little", modified(SAME, MESSAGE.toString("latin1")).slice(0, -20), "unreachable"],
  ["no such service", "ICAP/1.0 404 Service not found\r\n\r\n", "error"],
  ["an error", "ICAP/1.0 500 Server error\r\n\r\n", "error"],
  ["a continuation nobody asked for", "ICAP/1.0 100 Continue\r\n\r\n", "error"],
  ["HTTP", "HTTP/1.1 200 OK\r\n\r\n", "malformed"],
  ["nothing", "", "unreachable"],
  ["noise", "\0\x01\x02\r\n\r\n", "malformed"],
];

for (const method of ["respmod", "reqmod"] as const) {
  Deno.test(`IcapClient knows what a server answers to ${method}`, async () => {
    for (const [what, answer, want] of ANSWERS) {
      const got = await ask(async (at) => {
        await at.until(isWhole);
        await at.say(answer);
      }, { method });
      assert.equal(got, want, what);
    }
  });
}

Deno.test("IcapClient gives the message as RFC 3507 has it", async () => {
  for (const method of ["respmod", "reqmod"] as const) {
    let got = "";
    await ask(async (at) => {
      got = await at.until(isWhole);
      await at.say("ICAP/1.0 204 OK\r\n\r\n");
    }, { method });
    const end = got.indexOf("\r\n\r\n") + 4;
    const head = got.slice(0, end);
    assert.match(head, new RegExp(`^${method.toUpperCase()} icap://[^ ]+/scan ICAP/1\\.0\r\n`));
    assert.match(head, /\r\nHost: 127\.0\.0\.1:\d+\r\n/);
    assert.match(head, /\r\nAllow: 204\r\n/);
    assert.doesNotMatch(head, /Preview/);
    const [, sections = ""] = /\r\nEncapsulated: (.*)\r\n/.exec(head) ?? [];
    const at = Object.fromEntries(sections.split(", ").map((each) => each.split("=")));
    const rest = got.slice(end);
    if (method === "respmod") {
      assert.match(rest.slice(Number(at["res-hdr"])), /^HTTP\/1\.1 200 OK\r\n/);
    }
    assert.match(rest, method === "respmod" ? /^GET http:/ : /^POST http:/);
    const body = rest.slice(Number(at["res-body"] ?? at["req-body"]));
    assert.equal(body, chunked(MESSAGE.toString("latin1")));
  }
});

Deno.test("IcapClient sends a preview where it may and the rest when it is asked", async () => {
  const seen: string[] = [];
  const more = async (at: Script) => {
    seen.push(await at.until(isWhole));
    at.got = "";
    await at.say("ICAP/1.0 100 Continue\r\n\r\n");
    seen.push(await at.until(isWhole));
    await at.say("ICAP/1.0 204 OK\r\n\r\n");
  };
  assert.equal(await ask(more, { preview: true }), "clean");
  assert.match(seen[0]!, /\r\nPreview: 100\r\n/);
  assert.ok(seen[0]!.endsWith(chunked(MESSAGE.toString("latin1").slice(0, 100))));
  assert.equal(seen[1], chunked(MESSAGE.toString("latin1").slice(100)));
  const early = async (at: Script) => {
    await at.until(isWhole);
    await at.say("ICAP/1.0 204 OK\r\n\r\n");
  };
  assert.equal(await ask(early, { preview: true }), "partial", "it saw the preview alone");
  assert.equal(await ask(early, { preview: true }, MESSAGE.subarray(0, 50)), "clean");
  assert.equal(
    await ask(
      async (at) => {
        const got = await at.until(isWhole);
        await at.say(`ICAP/1.0 ${got.endsWith("0; ieof\r\n\r\n") ? 204 : 500} x\r\n\r\n`);
      },
      { preview: true },
      MESSAGE.subarray(0, 100),
    ),
    "clean",
    "a preview that is everything says so",
  );
});

Deno.test("IcapClient takes an answer that comes before all was given", async () => {
  const got = await ask(
    async (at) => {
      await at.until((text) => text.length > 100_000);
      await at.say("ICAP/1.0 200 OK\r\nX-Virus-ID: Early\r\n\r\n");
    },
    {},
    new Uint8Array(20 * 2 ** 20),
  );
  assert.equal(got, "Early");
});

Deno.test("IcapClient asks what a server can once, and heeds it", async () => {
  let asked = 0;
  const serve = (options: string) =>
    scriptedServer(async (at) => {
      if ((await at.until((got) => got.includes("\r\n\r\n"))).startsWith("OPTIONS ")) {
        asked++;
        await at.say(options);
      } else {
        await at.until(isWhole);
        await at.say("ICAP/1.0 204 OK\r\n\r\n");
      }
    });
  const ask = async (options: string, times: number) => {
    await using server = serve(options);
    asked = 0;
    const service = {
      url: `icap://${server.address}/s`,
      method: "respmod",
      preview: false,
    } as const;
    const client = new IcapClient(service, connector(server.address));
    const one = () => client.ask(MESSAGE, AbortSignal.timeout(60_000));
    return (await Promise.all(Array.from({ length: times }, one))).map(short);
  };
  assert.deepEqual(await ask(OPTIONS, 5), Array(5).fill("clean"));
  assert.equal(asked, 1);
  assert.deepEqual(await ask("ICAP/1.0 200 OK\r\nMethods: REQMOD\r\n\r\n", 1), ["error"]);
  assert.deepEqual(await ask("ICAP/1.0 404 x\r\n\r\n", 1), ["error"]);
  assert.deepEqual(await ask("ICAP/1.0 501 x\r\n\r\n", 1), ["clean"]);
});

Deno.test("parseHead() and icapInfections() are bounded, whatever comes", () => {
  const line = fc.oneof(
    fc.string({ maxLength: 300, unit: "binary" }),
    fc.constantFrom(
      "X-Infection-Found: Type=0; Threat=",
      "X-Violations-Found: 99999999",
      "\tfolded",
      "X-Virus-ID: \x1b]0;x\x07",
    ),
  );
  fc.assert(fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
    const text = ["ICAP/1.0 200 OK", ...lines].join("\r\n");
    let head;
    try {
      head = parseHead(Buffer.from(text, "latin1"), "ICAP");
    } catch (error) {
      assert.match(String(error), /field|lines/);
      return;
    }
    const answer = icapInfections(head);
    assert.notEqual(answer?.status, "clean");
    if (answer?.status !== "found") return;
    assert.ok(answer.found.length <= 50);
    for (const { name } of answer.found) assert.match(name, /^[\x20-\x7e]{1,200}$/);
  }));
});

Deno.test("IcapClient calls no answer clean that is cut anywhere", async () => {
  for (const [what, answer, want] of ANSWERS.filter(([, , each]) => each === "clean")) {
    // The heads alone: a body is compared octet by octet.
    const length = Math.min(answer.length - 1, 160);
    for (let cut = 0; cut < length; cut += 7) {
      const got = await ask(async (at) => {
        await at.until(isWhole);
        await at.say(answer.slice(0, cut));
      });
      assert.notEqual(got, want, `${what}, cut at ${cut}`);
    }
  }
});
