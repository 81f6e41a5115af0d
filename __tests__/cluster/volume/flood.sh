#!/bin/sh
# flood LINES PER_SECOND: prints numbered lines at that pace, a tenth of a second's at a time.
uptime() { read -r now _ < /proc/uptime; now=${now%.*}${now#*.}; }
batch=$(($2 / 10))
uptime
start=$now
printed=0
while [ $printed -lt "$1" ]; do
  awk -v from=$((printed + 1)) -v to=$((printed + batch)) \
    'BEGIN { for (i = from; i <= to; i++) print "line " i " of many, as long as lines of logs are" }'
  printed=$((printed + batch))
  uptime
  # In hundredths of a second, as /proc/uptime has it.
  due=$((start + printed / ($2 / 100) - now))
  [ $due -le 0 ] || usleep $((due * 10000))
done
uptime
echo "$printed lines in $((now - start)) hundredths of a second" > /results/pace.txt
