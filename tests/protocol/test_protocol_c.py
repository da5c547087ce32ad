# SPDX-License-Identifier: Apache-2.0
"""The firmware's C implementation of both framings, driven by the table of vectors and by the Python implementation."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ai_runner.protocol import framing31
from ai_runner.protocol.checked import CheckedLink

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "firmware" / "protocol"
COPY = ROOT / "packages" / "ai-runner" / "tests" / "protocol_vectors.json"
SEED = 20261122
ZEROS = bytes(framing31.PACKET)


def test_package_tests_have_the_same_vectors():
    assert COPY.read_bytes() == (PROTOCOL / "vectors.json").read_bytes(), "run tests/protocol/make_vectors.py"


def test_vectors_are_what_their_script_writes(tmp_path):
    script = Path(__file__).with_name("make_vectors.py").read_text(encoding="utf-8")
    written, program = tmp_path / "vectors.json", tmp_path / "make_vectors.py"
    program.write_text(script.replace("for path in COPIES", f"for path in [Path({str(written)!r})]"), encoding="utf-8")
    subprocess.run([sys.executable, str(program)], check=True)
    assert written.read_bytes() == COPY.read_bytes()


def test_checked_links(start, vectors):
    for case in vectors["checked_links"]:
        driver = start("checked")
        for number, event in enumerate(case["events"]):
            word = next(key for key in ("send", "rx", "tick") if key in event)
            answers = driver.step(f"{word} {event[word]}")
            where = f"{case['name']}, step {number}"
            assert [value for key, value in answers if key == "tx"] == [event["tx"]], where
            assert [value for key, value in answers if key == "msg"] == event["messages"], where
            assert [value for key, value in answers if key == "failed"] == [str(int(event["failed"]))], where


def test_checked_frames(start, vectors):
    for case in vectors["checked_frames"]:
        driver = start("checked")
        payload = bytes.fromhex(case["payload"])
        # Sequences start at 0: send frames until the vector's sequence is due.
        link = CheckedLink()
        for _ in range(case["sequence"]):
            link.send(b"x", 0)
            frame = link.output()
            assert driver.transmitted("send 78") == frame
            answer = CheckedLink()
            answer._expected = frame_sequence = (link._next - 1) & 0xFF
            answer.receive(frame, 0)
            acknowledge = answer.output()
            link.receive(acknowledge, 0)
            assert driver.transmitted(f"rx {acknowledge.hex()}") == b"", frame_sequence
        assert driver.transmitted(f"send {payload.hex()}").hex() == case["encoded"]


def test_checked_refused(start, vectors):
    driver = start("checked")
    rejects = []
    for case in vectors["checked_refused"]:
        answers = driver.step(f"rx {case['encoded']}00")
        assert not [value for word, value in answers if word == "msg"], case["name"]
        rejects += [value for word, value in answers if word == "tx" and value]
    assert len(rejects) == 1


def talk(driver, packets):
    """Send a message in packets as a host does; return what the device sent but its requests for packets."""
    for packet in packets[:-1]:
        assert driver.transmitted(f"rx {packet.hex()}") == bytes([framing31.NEXT])
    return driver.transmitted(f"rx {packets[-1].hex()}")


def test_packets_both_ways(start, vectors):
    driver = start("link")
    answers = {case["message"]: "".join(case["packets"]) for case in vectors["frame31_to_host"]}
    for case in vectors["frame31_to_device"]:
        answer = talk(driver, [bytes.fromhex(packet) for packet in case["packets"]])
        assert answer == framing31.encode_device(bytes.fromhex(case["message"])), case["name"]
    for message, packets in answers.items():
        if message:
            assert talk(driver, framing31.encode_host(bytes.fromhex(message))).hex() == packets


def test_packets_dropped(start, vectors):
    driver = start("link")
    for case in vectors["frame31_to_device_dropped"]:
        assert driver.transmitted(f"rx {case['bytes']}") == b"", case["name"]
        assert talk(driver, framing31.encode_host(b"alive")) == framing31.encode_device(b"alive"), case["name"]


def test_part_of_a_packet_is_forgotten(start):
    driver = start("link")
    assert driver.transmitted("rx 1f0102") == b""
    driver.step("wait 1100")
    assert talk(driver, framing31.encode_host(b"alive")) == framing31.encode_device(b"alive")


def test_part_of_a_message_is_forgotten(start):
    driver = start("link")
    first = framing31.encode_host(bytes(range(1, 101)))[0]
    assert driver.transmitted(f"rx {first.hex()}") == bytes([framing31.NEXT])
    driver.step("wait 5100")
    assert talk(driver, framing31.encode_host(b"alive")) == framing31.encode_device(b"alive")


def test_bad_packet_in_a_message(start):
    driver = start("link")
    first = framing31.encode_host(bytes(range(1, 101)))[0]
    driver.step(f"rx {first.hex()}")
    assert driver.transmitted(f"rx 21{'00' * 32}") == b""
    assert talk(driver, framing31.encode_host(b"alive")) == framing31.encode_device(b"alive")


def test_message_is_skipped(start):
    driver = start("link")
    assert talk(driver, framing31.encode_host(b"-" * 300)) == framing31.encode_device(b"skipped")


def into_checked(driver):
    answer = talk(driver, framing31.encode_host(b"SYNC1"))
    assert answer == framing31.encode_device(b"SYNC1")
    return CheckedLink()


def exchange(driver, link, message, now=0):
    """Send a message in the checked mode over a perfect line, return the answer."""
    link.send(message, now)
    received = []
    for _ in range(1000):
        data = link.output()
        if not data:
            break
        received += link.receive(driver.transmitted(f"rx {data.hex()}"), now)
    assert link.idle
    assert len(received) == 1
    return received[0]


def test_into_the_checked_mode_and_back(start):
    driver = start("link")
    link = into_checked(driver)
    for size in (1, 2, 511, 512, 513, 1024, 5000):
        message = bytes(i % 256 for i in range(1, size + 1))
        assert exchange(driver, link, message) == message
    assert exchange(driver, link, b"-" * 3000) == b"skipped"
    assert exchange(driver, link, b"SYNC1") == b"SYNC1"
    assert exchange(driver, link, b"still checked") == b"still checked"
    assert exchange(driver, link, b"SYNC0") == b"SYNC0"
    assert talk(driver, framing31.encode_host(b"alive")) == framing31.encode_device(b"alive")


@pytest.mark.parametrize("first", [b"", ZEROS], ids=["a packet alone", "33 zeros before"])
def test_silence_and_a_packet_lead_back(start, first):
    driver = start("link")
    link = into_checked(driver)
    assert exchange(driver, link, b"in the checked mode") == b"in the checked mode"
    driver.step("wait 2100")
    if first:
        assert driver.transmitted(f"rx {first.hex()}") == b""
    assert talk(driver, framing31.encode_host(b"SYNC0")) == framing31.encode_device(b"SYNC0")


def test_checked_frames_after_silence_stay_checked(start):
    driver = start("link")
    link = into_checked(driver)
    for size in (*range(1, 40), 300):
        driver.step("wait 2100")
        message = b"m" + bytes(size)
        assert exchange(driver, link, message) == message


def test_no_way_back_without_silence(start):
    driver = start("link")
    link = into_checked(driver)
    driver.step(f"rx {ZEROS.hex()}")
    assert exchange(driver, link, b"still checked") == b"still checked"


def test_link_error_leads_back(start):
    """The host vanishes while the device waits for acknowledges."""
    driver = start("link")
    link = into_checked(driver)
    link.send(bytes(range(256)) * 20, 0)
    sent = [driver.transmitted(f"rx {link.output().hex()}")]
    while True:
        link.receive(sent[-1], 0)
        data = link.output()
        if not data:
            break
        sent.append(driver.transmitted(f"rx {data.hex()}"))
        if link.idle:
            break
    driver.step("wait 20000")
    assert talk(driver, framing31.encode_host(b"alive")) == framing31.encode_device(b"alive")


class NoisyLine:
    """Damages, drops and doubles bytes, with a seed."""

    def __init__(self, generator, rate):
        self._random, self._rate = generator, rate

    def pass_on(self, data):
        out = bytearray()
        for byte in data:
            if self._random.random() >= self._rate:
                out.append(byte)
                continue
            out += self._random.choice([b"", bytes([byte, byte]), bytes([self._random.randrange(256)])])
        return bytes(out)


@pytest.mark.parametrize("rate", [0.0003, 0.001])
def test_noisy_line(start, rate):
    """Every message is right, or one end gives up: the host's tries run out, or the device's do and the host waits."""
    driver = start("link")
    right = failed = 0
    for case in range(12):
        seed = SEED + 1000 * case
        generator = random.Random(seed)  # noqa: S311 - noise, no secret
        line = NoisyLine(generator, rate)
        link, now = into_checked(driver), 0
        for _ in range(8):
            message = b"m" + generator.randbytes(generator.randrange(1, 3000))
            link.send(message, now)
            received, end = [], now + 60_000
            while not received and link.failure is None and now < end:
                back = driver.transmitted(f"rx {line.pass_on(link.output()).hex()}") + driver.transmitted("wait 100")
                now += 100
                received = link.receive(line.pass_on(back), now)
                link.poll(now)
            if not received:
                failed += 1
                break
            assert received == [message], f"seed {seed}"
            right += 1
        driver.step("wait 40000")
        link.output()
    print(f"seed {SEED}: {right} messages right, {failed} links failed")  # noqa: T201
    assert right >= (96 if rate < 0.001 else 70)


def test_random_bytes(start):
    """Whatever arrives, the device survives it and is there for the next message after a silence."""
    generator = random.Random(SEED)  # noqa: S311 - noise, no secret
    print(f"seed {SEED}")  # noqa: T201
    driver = start("link")
    for case in range(150):
        if case % 3 == 0:
            link = into_checked(driver)
            assert exchange(driver, link, b"checked") == b"checked"
        size = generator.choice([1, 33, 34, 600, 3000])
        # Bytes below 4 and 33 make types, counts and block lengths that go on.
        alphabet = generator.choice([bytes(range(256)), bytes(range(4)), bytes(range(34))])
        driver.step(f"rx {bytes(generator.choice(alphabet) for _ in range(size)).hex()}")
        driver.step("wait 60000")
        answer = talk_after_noise(driver, b"SYNC0")
        assert answer == framing31.encode_device(b"SYNC0"), case


def talk_after_noise(driver, message):
    """Send a short message as a host does that finds no answer: again after a silence."""
    (packet,) = framing31.encode_host(message)
    for _ in range(3):
        answer = driver.transmitted(f"rx {packet.hex()}")
        if answer:
            return answer
        driver.step("wait 21000")
    return b""


@pytest.mark.parametrize("compiler", ["gcc", "clang", "arm-none-eabi-gcc"])
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_compiles_without_a_warning(tmp_path, c_sources, c_warnings, lacking, compiler, level):
    if shutil.which(compiler) is None:
        lacking(f"{compiler} is not installed")
    cpu = ["-mcpu=cortex-m4", "-mthumb"] if compiler.startswith("arm") else []
    for source in c_sources:
        argv = [compiler, *c_warnings, *cpu, level, "-c", str(source), "-o", str(tmp_path / "x.o")]
        subprocess.run(argv, check=True)
