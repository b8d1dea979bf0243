# Drives the snippet for Python: reads a command a line, and prints its outcome. The clock moves by command.
import asyncio
import json
import sys
import time

import httpx

import signet_tokens

url, *subject = sys.argv[1:]
ahead = 0


class Clock:
    @staticmethod
    def time():
        return time.time() + ahead


signet_tokens.time = Clock
auth = signet_tokens.SignetAuth(*subject)
api = httpx.Client(auth=auth)


def call():
    try:
        return api.post(url, content="hello").status_code
    except httpx.HTTPError as error:
        return str(error)


async def burst(count):
    async with httpx.AsyncClient(auth=auth) as client:
        answers = await asyncio.gather(*(client.post(url, content="hello") for _ in range(count)))
        return [answer.status_code for answer in answers]


for line in sys.stdin:
    name, _, number = line.strip().partition(" ")
    if name == "advance":
        ahead += int(number)
    outcome = {"call": lambda: [call()], "burst": lambda: asyncio.run(burst(int(number))), "advance": lambda: [ahead]}[name]()
    print(json.dumps(outcome), flush=True)
