#!/bin/sh
# numbered N: leaves files whose content is known beforehand, and prints the lines 1 to N, one every 25 ms.
mkdir -p /results/small
seq 1 600000 > /results/big.txt
for i in 1 2 3 4 5 6 7 8; do seq 1 $i > /results/small/$i.txt; done
i=0
while [ $i -lt "$1" ]; do
  i=$((i + 1))
  echo "line $i"
  usleep 25000
done
