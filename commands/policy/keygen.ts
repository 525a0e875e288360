/** `postern policy keygen`: a key pair for signing bundles. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map } from "@optique/core/modifiers";
import { argument, command } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { PosternError } from "../../errors.ts";
import { makeSigningKey } from "../../policy/bundle.ts";
import { EXIT, jsonOption, type Task } from "../command.ts";
import { printJson, printLine, visible } from "../output.ts";

async function run({ file, json }: { file: string; json: boolean }): Promise<number> {
  const { privateKey, publicKey } = await makeSigningKey();
  try {
    await Deno.writeTextFile(file, privateKey, { createNew: true, mode: 0o600 });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
    throw new PosternError("policy/bundle", `${file} is there already: a key is never overwritten`);
  }
  if (json) printJson({ privateKey: file, publicKey });
  else {
    printLine(visible(`private key: ${file} (mode 0600; keep it, it is nowhere else)`));
    printLine(`public key:  ${publicKey}`);
    printLine(`on nodes:    policyKey: "${publicKey}" in postern.config.ts`);
  }
  return EXIT.ok;
}

/** `postern policy keygen`. */
export const policyKeygen = command(
  "keygen",
  map(
    object({
      file: argument(string({ metavar: "FILE" }), {
        description: message`Where the private key is written`,
      }),
      json: jsonOption(),
    }),
    (options): Task => () => run(options),
  ),
  { brief: message`Make a key pair (Ed25519) for signing policy bundles` },
);
