/** Entries of the message log for tests. */
import type { MessageRecord, RecordedFacts } from "../../../agents/ports.ts";

/** What a test says of a record; the rest is an ordinary clean message from outside. */
export type RecordInput = Partial<Omit<MessageRecord, "known">> & {
  readonly known?: Partial<RecordedFacts> | null;
  readonly scan?: Partial<NonNullable<RecordedFacts["scan"]>>;
};

/** Makes a record. */
export function record({ known, scan, ...given }: RecordInput = {}): MessageRecord {
  const time = given.time ?? 1_790_000_000_000;
  const recipients = given.envelope?.recipients ?? ["b@example.com"];
  return {
    queueId: "q1",
    agent: "smtp",
    listener: "smtp",
    time,
    envelope: { sender: "a@example.org", recipients, client: "192.0.2.1" },
    size: 1000,
    subject: "hello",
    status: "clean",
    findings: [],
    notScanned: [],
    ambiguities: [],
    spamScore: 0,
    outcomes: [{ recipients, action: "accept", by: "default", reply: "250 2.0.0 Ok" }],
    attachments: [],
    times: {},
    ...given,
    ...(known === null ? {} : {
      known: {
        began: time,
        tls: false,
        phase: "verdict",
        strictest: false,
        scan: {
          status: "clean",
          parts: true,
          header: true,
          headerNames: [],
          headers: [],
          spamSymptoms: [],
          ...scan,
        },
        cleaned: [],
        ...known,
      },
    }),
  };
}
