// This node: where its agents listen, where mail goes next, where its state is kept. The policy is in a document of its own.
// Paths are relative to this file. `postern daemon --config FILE` starts with it.
import { defineConfig } from "postern";

export default defineConfig({
  state: "../state",
  policy: "./policy.ts",

  agents: [
    {
      agent: "smtp",
      name: "filter",
      listen: "127.0.0.1:10025",
      // The next hop. A Maildir works at once; in front of a mail server it is, for Postfix, "smtp://127.0.0.1:10026".
      nextHop: "maildir:../state/Maildir",
      // Postfix on this machine says by XFORWARD who its client was.
      xforward: ["127.0.0.1"],
    },
    // Before a mailbox server: mail programs fetch their mail here, and get what was scanned; see docs/pop3.md.
    // { agent: "pop3", listen: "127.0.0.1:10110", server: "pop3://127.0.0.1:110", domain: "example.org" },
    // { agent: "imap", listen: "127.0.0.1:10143", server: "imap://127.0.0.1:143", domain: "example.org" }, // docs/imap.md
    // Other programs can ask Postern as they would ask these daemons; see docs/clamd.md, docs/spamd.md and docs/rspamd.md.
    // { agent: "clamd", listen: "127.0.0.1:3310" },
    // { agent: "spamd", listen: "127.0.0.1:7830" },
    // { agent: "rspamd", listen: "127.0.0.1:11333" },
  ],

  log: { level: "info", format: "text", to: ["stderr"] },
  quarantine: { keep: "30d", size: "10GB" },
});
