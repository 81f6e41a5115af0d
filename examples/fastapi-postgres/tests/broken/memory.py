"""Takes memory until something stops it."""

STEP = 4 << 20
MOST = 1 << 30


def take() -> None:
    kept = []
    while len(kept) * STEP < MOST:
        kept.append(b"\1" * STEP)  # written to, so that it is really there
        print(f"{len(kept) * STEP >> 20} MiB", flush=True)
    raise SystemExit(f"got {MOST >> 20} MiB: there is no memory limit here")


if __name__ == "__main__":
    take()
