"""Many verifiers in one process. Each line is a question: whether a token is good, or when it is refused at last."""

import json
import os
import sys
import time

from signet_verify import TokenError, TokenVerifier, create_token_verifier

GIVE_UP_SECONDS = 3


def verdict(verifier: TokenVerifier, token: str) -> str:
    """``good``, or the code of the error."""
    try:
        verifier.verify_token(token)
        return "good"
    except TokenError as error:
        return error.code


def answer(verifiers: list[TokenVerifier], token: str, since: float | None) -> list[dict[str, object]]:
    """The verdict of each verifier. With ``since``, the first that is not good, and the milliseconds until then."""
    found: dict[int, dict[str, object]] = {}
    while len(found) < len(verifiers):
        for number, verifier in enumerate(verifiers):
            code = verdict(verifier, token) if number not in found else "good"
            delay = time.time() * 1000 - (since or 0)
            if number not in found and (since is None or code != "good" or delay > GIVE_UP_SECONDS * 1000):
                found[number] = {"verdict": code, "delay": delay}
        time.sleep(0.002)
    return list(found.values())


def main() -> None:
    """Answers each question."""
    options = {"issuer": os.environ["ISSUER"], "audience": os.environ["AUDIENCE"]}
    count = int(os.environ["FOLLOWERS"])
    verifiers = [create_token_verifier(**options, revocations=True) for _ in range(count)]
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(answer(verifiers, question["token"], question.get("since"))), flush=True)


main()
