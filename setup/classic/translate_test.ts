import assert from "node:assert/strict";
import { parseCfg } from "./cfg.ts";
import { type NamedCfg, specialFiles, translateClassic } from "./translate.ts";

const named = (file: string, text: string): NamedCfg => ({ file, cfg: parseCfg(text) });
const translate = (main: string, special: Record<string, string> = {}) =>
  translateClassic(
    named("esets.cfg", main),
    new Map(Object.entries(special).map(([name, text]) => [name, named(name, text)])),
  );

Deno.test("translateClassic() makes [global] the settings and agent sections rules", {
  permissions: "none",
}, () => {
  const { policy, config, leftovers } = translate(`[global]
action_av = "scan"
action_av_infected = "reject"
av_clean_mode = yes
num_proc = 4
syslog_facility = "local3"
[smtp]
agent_enabled = yes
listen_addr = "localhost"
listen_port = 2526
server_addr = "localhost"
server_port = 2525
action_av_infected = "discard"
action_av_notscanned = "defer"
as_eml_subject_prefix = "[SPAM] "
`);
  assert.deepEqual(policy.settings, {
    antivirus: { action: "scan", infected: "reject", clean: "standard" },
  });
  assert.deepEqual(policy.rules, [{
    name: "agent smtp",
    when: { agent: "smtp" },
    then: {
      antivirus: { infected: "discard", notScanned: "defer" },
      antispam: { subjectPrefix: "[SPAM] " },
      marks: { subject: ["spam"] },
    },
  }]);
  assert.deepEqual(config, {
    scanners: { processes: 4 },
    log: { to: ["syslog"], facility: "local3" },
    agents: [{
      agent: "smtp",
      name: "smtp",
      listen: "127.0.0.1:2526",
      nextHop: "smtp://127.0.0.1:2525",
    }],
  });
  assert.deepEqual(leftovers, []);
});

Deno.test("translateClassic() makes the milter's socket an agent", { permissions: "none" }, () => {
  const { config, leftovers } = translate(`[smfi]
agent_enabled = yes
smfi_sock_path = "/run/esets/smfi.sock"
[cgp]
agent_enabled = yes
`);
  assert.deepEqual(config.agents, [
    { agent: "milter", name: "milter", listen: "unix:/run/esets/smfi.sock" },
  ]);
  assert.deepEqual(leftovers.map(({ reason }) => reason), [
    "postern cgp needs no entry: it is a command",
  ]);
});

Deno.test(
  "translateClassic() makes agents of the gates to mailboxes",
  { permissions: "none" },
  () => {
    const { config, leftovers } = translate(`[pop3]
agent_enabled = yes
listen_addr = "192.168.1.0"
listen_port = 8110
server_addr = "localhost"
[imap]
agent_enabled = yes
listen_port = 8143
server_addr = "2001:db8::1"
server_port = 1143
action_av_infected = "reject"
`);
    assert.deepEqual(config.agents, [
      {
        agent: "pop3",
        name: "pop3",
        listen: "192.168.1.0:8110",
        server: "pop3://127.0.0.1:110",
      },
      {
        agent: "imap",
        name: "imap",
        listen: "127.0.0.1:8143",
        server: "imap://[2001:db8::1]:1143",
      },
    ]);
    assert.deepEqual(leftovers, []);
    const redirected = translate(`[pop3]
agent_enabled = yes
listen_port = 8110
`);
    assert.deepEqual(redirected.config.agents, [
      { agent: "pop3", name: "pop3", listen: "*:8110", transparent: { port: 110 } },
    ]);
    assert.deepEqual(redirected.leftovers, []);
    const nowhere = translate(`[pop3]\nagent_enabled = yes\nserver_addr = "192.0.2.1"\n`);
    assert.match(nowhere.leftovers[0]!.reason, /listen_port is needed/);
  },
);

Deno.test("translateClassic() puts identities before their group, and a group before its parent", {
  permissions: "none",
}, () => {
  const { policy, leftovers } = translate('[smtp]\nuser_config = "spec.cfg"\n', {
    "spec.cfg": `[black-list]
parent_id = "all"
action_av = "reject"
[all]
action_av_notscanned = "discard"
[|bad@worse.example]
parent_id = "black-list"
[rcpt@a.example|sndr@b.example]
parent_id = "black-list"
[rcptuser@rcptdomain.com]
action_av = "accept"
`,
  });
  assert.deepEqual(leftovers, []);
  assert.deepEqual(policy.rules, [
    {
      name: "[rcptuser@rcptdomain.com]",
      when: { agent: "smtp", recipient: "rcptuser@rcptdomain.com" },
      then: { antivirus: { action: "accept" } },
    },
    {
      name: "[black-list]",
      when: {
        agent: "smtp",
        any: [
          { sender: { list: "black-list" } },
          { recipient: "rcpt@a.example", sender: "sndr@b.example" },
        ],
      },
      then: { antivirus: { action: "reject" } },
    },
    {
      name: "[all]",
      when: {
        agent: "smtp",
        any: [
          { sender: { list: "all" } },
          { recipient: "rcpt@a.example", sender: "sndr@b.example" },
        ],
      },
      then: { antivirus: { notScanned: "discard" } },
    },
  ]);
  assert.deepEqual(policy.lists, {
    "black-list": { senders: ["bad@worse.example"] },
    all: { senders: ["bad@worse.example"] },
  });
});

Deno.test("translateClassic() cuts a ring of groups", { permissions: "none" }, () => {
  const { policy } = translate('[smtp]\nuser_config = "s"\n', {
    s: `[a]\nparent_id = "b"\naction_av = "reject"\n[b]\nparent_id = "a"\n[|x@y.example]\nparent_id = "a"\n`,
  });
  assert.equal(policy.rules.length, 1);
});

const leftoverCases: { name: string; text: string; section?: string; want: string }[] = [
  {
    name: "a parameter with no place",
    text: "[global]\nracl_interval = 10\n",
    want: 'esets.cfg:2 [global] racl_interval = "10": remote administration',
  },
  {
    name: "a password without its value",
    text: '[global]\nav_update_password = "hush"\n',
    want: 'esets.cfg:2 [global] av_update_password = "(left out)"',
  },
  {
    name: "a value that is none of the parameter's",
    text: '[smtp]\naction_av = "maybe"\n',
    want:
      'esets.cfg:2 [smtp] action_av = "maybe": its values are: scan, accept, defer, discard, reject',
  },
  {
    name: "an unknown parameter",
    text: "[smtp]\nconstructor = 1\n",
    want: 'esets.cfg:2 [smtp] constructor = "1": no such parameter is known',
  },
  {
    name: "a parameter that is set twice",
    text: '[smtp]\naction_av = "scan"\naction_av = "reject"\n',
    want: 'esets.cfg:2 [smtp] action_av = "scan": set again in line 3',
  },
  {
    name: "what a section says that is no gate",
    text: "[wwwi]\nagent_enabled = yes\n",
    want: 'esets.cfg:2 [wwwi] agent_enabled = "yes": [wwwi] is no gate of mail here',
  },
  {
    name: "a special file that was not given",
    text: '[smtp]\nuser_config = "spec.cfg"\n',
    want: 'esets.cfg:2 user_config = "spec.cfg": the file was not given',
  },
];
for (const { name, text, want } of leftoverCases) {
  Deno.test(`translateClassic() keeps ${name}`, { permissions: "none" }, () => {
    const [left, ...more] = translate(text).leftovers;
    assert.deepEqual(more, []);
    const shown = `${left?.file}:${left?.line} ${left?.section ? `[${left.section}] ` : ""}${
      left?.text.replace("(left out)", '"(left out)"')
    }: ${left?.reason}`;
    assert.ok(shown.startsWith(want), `${shown}\nwanted ${want}`);
  });
}

Deno.test("specialFiles() names each file once", { permissions: "none" }, () => {
  const cfg = parseCfg(
    '[smtp]\nuser_config = "a"\n[smfi]\nuser_config = "a"\n[mda]\nuser_config="/b"\n',
  );
  assert.deepEqual(specialFiles(cfg), ["a", "/b"]);
});
