
// What the module says of each case in a file; tests/evidence/test_evidence.py puts the module before this.

const { readFileSync } = await import("node:fs");

const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));
const told = {};
for (const [name, { evidence, text, noted, handovers }] of Object.entries(cases)) {
  try {
    if (handovers) {
      told[name] = await handoversOf(evidence.records, evidence.checkpoint, noted);
      continue;
    }
    const found = await verifyEvidence(text === undefined ? evidence : readEvidence(text), noted);
    const { channel, cid, log, size, root, sides, isExercise: exercise, witnesses, cosignedBy: cosigned, isFinal: final } = found;
    const records = found.records.map((each) => [each.position, each.word, each.act, each.actor, each.time, each.signers, each.signedFor, each.belongs, each.isDisputed]);
    told[name] = { channel, cid, log, size, root, sides, exercise, witnesses, cosigned, final, records };
  } catch (error) {
    if (!(error instanceof Refuted)) throw error;
    told[name] = { code: error.code, position: error.position, values: error.values };
  }
}
console.log(JSON.stringify(told));
