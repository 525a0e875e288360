/** What ICAP servers say that they found, in fields that no RFC has and all of them use. */
import { type EngineAnswer, findingName, type FoundName, silent } from "./answer.ts";
import { field, type Head } from "./icap_head.ts";
import { MAX_FINDINGS } from "./limits.ts";

/**
 * Reads the fields that name findings; `undefined` where there is none.
 *
 * | field | as |
 * | --- | --- |
 * | `X-Infection-Found: Type=0; Resolution=2; Threat=NAME;` | draft-stecher-icap-subid: type 0 infection, 1 policy, 2 container |
 * | `X-Virus-ID: NAME` | one name; `no threats` is none |
 * | `X-Violations-Found: N`, then for each four lines: file, threat, number, resolution | the names |
 */
export function icapInfections(head: Head): EngineAnswer | undefined {
  const infections = head.fields.get("x-infection-found") ?? [];
  const names: FoundName[] = [];
  let container: string | undefined;
  for (const value of infections) {
    const type = /(?:^|;)\s*Type\s*=\s*(\d)/i.exec(value)?.[1];
    const threat = /(?:^|;)\s*Threat\s*=\s*([^;]*)/i.exec(value)?.[1]?.trim() ?? "";
    if (type === "2") container = threat; // a container that it could not or would not open
    else names.push({ name: findingName(threat), ...(type === "1" ? { guess: true } : {}) });
  }
  if (infections.length === 0) names.push(...violations(field(head, "x-violations-found")));
  if (names.length === 0) {
    const virus = field(head, "x-virus-id");
    if (virus !== undefined && virus !== "" && !/^no threats?$/i.test(virus)) {
      names.push({ name: findingName(virus) });
    }
  }
  if (names.length > 0) return { status: "found", found: distinct(names) };
  return container === undefined
    ? undefined
    : silent("partial", `violation of a container: ${container}`);
}

function violations(value: string | undefined): FoundName[] {
  if (value === undefined) return [];
  const [count = "", ...lines] = value.split("\n");
  const most = Math.min(Number(count) || 0, MAX_FINDINGS);
  const names: FoundName[] = [];
  for (let i = 0; i < most; i++) names.push({ name: findingName(lines[4 * i + 1] ?? "") });
  return names;
}

function distinct(names: readonly FoundName[]): FoundName[] {
  return [...new Map(names.map((each) => [each.name, each])).values()].slice(0, MAX_FINDINGS);
}
