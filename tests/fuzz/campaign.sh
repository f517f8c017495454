#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The long campaigns: each one command, one line of summary. Everything follows from SEED.
#
# usage: campaign.sh BUILD_DIR [SEED]
#   CMX_CAMPAIGN_STREAMS (1000000) and CMX_CAMPAIGN_CHATS (100000) say how much
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 2
build=${1:?usage: campaign.sh BUILD_DIR [SEED]}
seed=${2:-1}
status=0

"$build/chatmux-differential" --streams "${CMX_CAMPAIGN_STREAMS:-1000000}" --seed "$seed" || status=1
python3 -B "$here/json_corpus.py" "$build/tests/json_verdicts" --mutated 200000 --seed "$seed" || status=1
python3 -B "$here/roundtrip.py" "$build/tests/body_writer" --chats "${CMX_CAMPAIGN_CHATS:-100000}" --seed "$seed" || status=1
exit $status
