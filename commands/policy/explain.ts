/** `postern policy explain`: why a mail gets the outcome that it gets. */
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { argument, command } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { decide } from "../../policy/decide.ts";
import { explainDecision, type Explanation, explanationText } from "../../policy/explain.ts";
import { mailFacts, mailRecipients } from "../../policy/mail.ts";
import type { Facts } from "../../policy/types.ts";
import { configOption, EXIT, jsonOption, type Task } from "../command.ts";
import { print, printJson, printLine, visible } from "../output.ts";
import { describedMail, type MailOptions, mailOptions } from "./described_mail.ts";
import { policyOf, policyOption } from "./document.ts";
import { RealMail } from "./real_mail.ts";
import { decideThrough, withDirection } from "./test.ts";

interface Options extends MailOptions {
  readonly message: string | undefined;
  readonly policy: string | undefined;
  readonly config: string | undefined;
  readonly json: boolean;
}

/** One recipient's explanation, with the facts that it is about. */
interface Explained {
  readonly recipient: string;
  readonly facts: Facts;
  readonly explanation: Explanation;
}

async function run(options: Options): Promise<number> {
  const { message: eml, policy: named, config, json, ...described } = options;
  const { mail, said } = describedMail(described);
  const policy = await policyOf(named, config);
  const { tree } = policy;
  const explained: Explained[] = [];
  const real = new RealMail();
  try {
    for (const recipient of mailRecipients(mail)) {
      let facts = withDirection(tree, mailFacts(mail, recipient, Date.now()));
      if (eml !== undefined) {
        const known = await real.facts(eml, tree, decide(tree, "recipient", facts));
        facts = withDirection(tree, mailFacts(mail, recipient, Date.now(), known, said));
      }
      const { phase } = decideThrough(tree, facts);
      explained.push({ recipient, facts, explanation: explainDecision(tree, phase, facts) });
    }
  } finally {
    await real.close();
  }
  if (json) {
    const { path, hash, revision } = policy;
    printJson({
      policy: path,
      hash,
      ...(revision === undefined ? {} : { revision }),
      recipients: explained,
    });
    return EXIT.ok;
  }
  for (const [i, { recipient, facts, explanation }] of explained.entries()) {
    if (i > 0) printLine();
    const client = facts.client === null ? "no client" : `client ${facts.client}`;
    printLine(visible(
      `From <${facts.sender}> to <${recipient}>, ${client}, ${facts.direction}, ${facts.agent}:`,
    ));
    if (eml === undefined && !saysContent(said) && PHASES_OF_CONTENT.has(explanation.phase)) {
      printLine(
        "(nothing is said of its content: an ordinary clean message of 4 KB is meant)",
      );
    }
    // A rule that could still match and would change nothing only hides the others.
    const rules = explanation.rules.filter(({ answer, settings }) =>
      answer === "true" || settings.length > 0
    );
    print(explanationText({ ...explanation, rules }).split("\n").map(visible).join("\n"));
  }
  return EXIT.ok;
}

const PHASES_OF_CONTENT: ReadonlySet<string> = new Set(["header", "content", "verdict"]);

function saysContent(said: ReadonlySet<string>): boolean {
  const content = ["size", "subject", "headers", "attachments", "findings", "notScanned"];
  return [...content, "spamScore", "dkim", "dmarc"].some((name) => said.has(name));
}

/** `postern policy explain`. */
export const policyExplain = command(
  "explain",
  map(
    merge(
      mailOptions(),
      object({
        message: optional(argument(string({ metavar: "MESSAGE.EML" }), {
          description:
            message`The message, scanned for its facts; what options say of it goes before`,
        })),
        policy: policyOption(),
        config: configOption(),
        json: jsonOption(),
      }),
    ),
    (options): Task => () => run(options),
  ),
  {
    brief: message`Say why a mail gets the outcome that it gets: which rule gave which setting`,
    description:
      message`Describes a mail by options, or takes a MESSAGE, and tells for each recipient what is decided at which moment, each
rule that has a part in it with every question that it asks, and where each setting comes from. What no option says is that
of an ordinary clean message.`,
  },
);
