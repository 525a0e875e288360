/** The classic manual's examples, through the real command: imported, checked, and decided as the classic product would. */
import assert from "node:assert/strict";
import { Workplace } from "../../commands/policy/testing/program.ts";

/** One mail and what the classic product makes of it. */
interface Row {
  readonly name: string;
  readonly mail: Readonly<Record<string, unknown>>;
  readonly expect: Readonly<Record<string, unknown>>;
}

const examples: {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}[] = [
  {
    name: "black list",
    files: {
      "esets.cfg": `[global]
action_av = "scan"
[smtp]
agent_enabled = yes
listen_addr = "localhost"
listen_port = 2526
server_addr = "localhost"
server_port = 2525
user_config = "esets_smtp_spec.cfg"
`,
      "esets_smtp_spec.cfg": `[black-list]
action_av = "reject"
[|sndrname1@sndrdomain1.com]
parent_id = "black-list"
[|sndrname2@sndrdomain2.com]
parent_id = "black-list"
`,
    },
    rows: [
      {
        name: "a sender on it is rejected, before any content",
        mail: { from: "sndrname1@sndrdomain1.com" },
        expect: { action: "reject", by: "antivirus.action", phase: "sender" },
      },
      {
        name: "so is the other, however the address is written",
        mail: { from: "SndrName2@SNDRDOMAIN2.com" },
        expect: { action: "reject" },
      },
      {
        name: "another sender of the same domain is scanned",
        mail: { from: "other@sndrdomain1.com" },
        expect: { action: "accept" },
      },
      {
        name: "it holds at the agent whose special file it is",
        mail: { agent: "pipe", from: "sndrname1@sndrdomain1.com" },
        expect: { action: "accept" },
      },
    ],
  },
  {
    name: "white list",
    files: {
      "esets.cfg": `[smtp]
action_av = "scan"
action_av_infected = "reject"
action_as = "scan"
action_as_spam = "discard"
user_config = "esets_smtp_spec.cfg"
`,
      "esets_smtp_spec.cfg": `[white-list]
action_av = "accept"
action_as = "accept"
[|friend@partner.example]
parent_id = "white-list"
[|half@partner.example]
action_av = "accept"
`,
    },
    rows: [
      {
        name: "a sender on it is free of virus scanning",
        mail: { from: "friend@partner.example", findings: ["Eicar-Test-Signature"] },
        expect: { action: "accept", phase: "sender" },
      },
      {
        name: "and of spam scanning",
        mail: { from: "friend@partner.example", spamScore: 100 },
        expect: { action: "accept" },
      },
      {
        name: "one of the two alone still scans for the other",
        mail: { from: "half@partner.example", spamScore: 100 },
        expect: { action: "discard", by: "antispam.spam" },
      },
      {
        name: "others are scanned for viruses",
        mail: { from: "x@partner.example", findings: ["Eicar-Test-Signature"] },
        expect: { action: "reject", by: "antivirus.infected" },
      },
      {
        name: "and for spam",
        mail: { from: "x@partner.example", spamScore: 100 },
        expect: { action: "discard" },
      },
    ],
  },
  {
    name: "one recipient is rejected, all others are scanned",
    files: {
      "esets.cfg": `[smtp]\nuser_config = "spec.cfg"\naction_av = "scan"\n`,
      "spec.cfg": `[rcptuser@rcptdomain.com]\naction_av = "reject"\n`,
    },
    rows: [
      {
        name: "the recipient",
        mail: { to: "rcptuser@rcptdomain.com" },
        expect: { action: "reject", phase: "recipient" },
      },
      {
        name: "another of the domain",
        mail: { to: "other@rcptdomain.com" },
        expect: { action: "accept" },
      },
    ],
  },
  {
    name: "recipient and sender together, and a recipient's whole domain",
    files: {
      "esets.cfg": `[smtp]\nuser_config = "spec.cfg"\naction_av = "scan"\n`,
      "spec.cfg":
        `[r@a.example|s@b.example]\naction_av = "discard"\n[@closed.example]\naction_av = "defer"\n`,
    },
    rows: [
      {
        name: "the pair",
        mail: { from: "s@b.example", to: "r@a.example" },
        expect: { action: "discard" },
      },
      {
        name: "the sender to another",
        mail: { from: "s@b.example", to: "t@a.example" },
        expect: { action: "accept" },
      },
      {
        name: "the recipient from another",
        mail: { from: "t@b.example", to: "r@a.example" },
        expect: { action: "accept" },
      },
      {
        name: "the domain",
        mail: { to: "anybody@closed.example" },
        expect: { action: "defer" },
      },
    ],
  },
  {
    name: "two-way Postfix filter with a spam subject prefix",
    files: {
      "esets.cfg": `[global]
action_av = "scan"
action_as = "scan"
action_av_infected = "discard"
action_av_notscanned = "accept"
action_as_spam = "accept"
as_eml_subject_prefix = "[SPAM] "
[smtp]
agent_enabled = yes
listen_addr = "localhost"
listen_port = 2526
server_addr = "localhost"
server_port = 2525
`,
    },
    rows: [
      {
        name: "spam from outside is marked, not blocked",
        mail: { spamScore: 50, to: "me@yourdomain.example" },
        expect: {
          action: "accept",
          status: "spam",
          settings: { antispam: { subjectPrefix: "[SPAM] " }, marks: { subject: ["spam"] } },
        },
      },
      {
        name: "spam from inside, too",
        mail: { client: "127.0.0.1", from: "me@yourdomain.example", spamScore: 50 },
        expect: { action: "accept", status: "spam" },
      },
      {
        name: "infected mail vanishes",
        mail: { findings: ["Eicar-Test-Signature"] },
        expect: { action: "discard", by: "antivirus.infected" },
      },
      {
        name: "what could not be scanned passes",
        mail: { notScanned: ["encrypted"] },
        expect: { action: "accept", status: "notScanned" },
      },
    ],
  },
  {
    name:
      "an agent's section overrides [global], a special section overrides both, its group stands behind it",
    files: {
      "esets.cfg": `[global]
action_av_infected = "discard"
action_av_notscanned = "defer"
[smtp]
action_av_infected = "reject"
user_config = "spec.cfg"
[pop3]
action_av_notscanned = "accept"
`,
      "spec.cfg": `[group]
action_av_infected = "accept"
action_av_notscanned = "discard"
[member@a.example]
parent_id = "group"
action_av_infected = "defer"
[plain@a.example]
parent_id = "group"
`,
    },
    rows: [
      {
        name: "the agent's",
        mail: { findings: ["X"] },
        expect: { action: "reject" },
      },
      {
        name: "[global]'s at another agent",
        mail: { agent: "pop3", findings: ["X"] },
        expect: { action: "discard" },
      },
      {
        name: "that agent's own",
        mail: { agent: "pop3", notScanned: ["encrypted"] },
        expect: { action: "accept" },
      },
      {
        name: "the group's",
        mail: { to: "plain@a.example", findings: ["X"] },
        expect: { action: "accept" },
      },
      {
        name: "the member's before its group's",
        mail: { to: "member@a.example", findings: ["X"] },
        expect: { action: "defer" },
      },
      {
        name: "the group's where the member says nothing",
        mail: { to: "member@a.example", notScanned: ["encrypted"] },
        expect: { action: "discard" },
      },
    ],
  },
];

for (const { name, files, rows } of examples) {
  Deno.test(`postern import: ${name}`, async () => {
    await using place = await Workplace.create(files);
    const imported = await place.postern("import", "esets.cfg", "--out", "new");
    assert.equal(imported.status, 0, imported.error);
    assert.doesNotMatch(imported.out, /no place/);
    await place.write({
      "new/policy.policy-test.ts": `export default ${JSON.stringify({ cases: rows })};\n`,
    });
    const checked = await place.postern("policy", "check", "--config", "new/postern.config.ts");
    assert.deepEqual([checked.status, checked.error], [0, ""], checked.out);
    const tested = await place.postern("policy", "test", "new");
    assert.equal(tested.status, 0, tested.out + tested.error);
    assert.match(tested.out, new RegExp(`${rows.length} passed, 0 failed`));
  });
}

Deno.test("postern import keeps what has no place, with its reason, and no secret", async () => {
  await using place = await Workplace.create({
    "esets.cfg": `[global]
av_update_password = "hush-hush"
racl_interval = 10
av_scan_archive_max_level = 5
[mda]
mda_path = "/usr/bin/procmail"
user_config = "missing.cfg"
nonsense
`,
  });
  const imported = await place.postern("import", "esets.cfg", "--out", "new");
  assert.equal(imported.status, 0, imported.error);
  assert.match(imported.out, /5 lines have no place/);
  const [policy, config] = await Promise.all(
    ["policy.ts", "postern.config.ts"].map((file) =>
      Deno.readTextFile(`${place.path}/new/${file}`)
    ),
  );
  assert.match(policy!, /archiveLevels: 5/);
  assert.match(
    config!,
    /\/\/ esets\.cfg:3 \[global\] racl_interval = "10" -- remote administration/,
  );
  assert.match(config!, /user_config = "missing\.cfg" -- .*cannot be read: --special DIR/);
  assert.match(config!, /nonsense -- neither \[section\] nor name = value/);
  assert.doesNotMatch(policy! + config!, /hush/);
  const checked = await place.postern("policy", "check", "--config", "new/postern.config.ts");
  assert.equal(checked.status, 0, checked.error);
  const again = await place.postern("import", "esets.cfg", "--out", "new");
  assert.equal(again.status, 78);
  assert.match(again.error, /is there already: --force overwrites it/);
});
