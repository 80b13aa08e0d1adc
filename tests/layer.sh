#!/usr/bin/env bash
# tests/layer.sh PYTEST ARGS…: one layer of `make test`. If a few tests fail, they are run once more, one after another
# with nothing beside them; in tests/browser with the others of their file, whose work they go on from. What fails again
# fails the layer. What passes then is named as unsteady: a fault in the test or in what it tests, to be mended, that
# says nothing of the change at hand.
set -uo pipefail
FEW=20

said=$(mktemp)
trap 'rm -f "$said" "$said.browser"' EXIT
"$@" 2>&1 | tee "$said"
code=$?
[ "$code" -eq 1 ] || exit "$code"  # 1: some tests failed; others: it could not run

failed=$(grep -cE '^(FAILED|ERROR) ' "$said")
if [ "$failed" -eq 0 ] || [ "$failed" -gt "$FEW" ]; then exit "$code"; fi
echo "Once more, alone: $failed"
"$1" --collect-only -q tests/browser > "$said.browser"
python3 - "$said.browser" <<'END'
import json, pathlib, sys
last = pathlib.Path(".pytest_cache/v/cache/lastfailed")
failed = json.loads(last.read_text())
files = {test.partition("::")[0] for test in failed if test.startswith("tests/browser/")}
browser = [line for line in pathlib.Path(sys.argv[1]).read_text().splitlines() if "::" in line]
whole = [test for test in browser if test.partition("::")[0] in files]
last.write_text(json.dumps(failed | dict.fromkeys(whole, True)))
END
"$@" --numprocesses 0 --dist no --last-failed --last-failed-no-failures none --no-header || exit $?
echo "Unsteady, they passed alone:"
grep -E '^(FAILED|ERROR) ' "$said"
