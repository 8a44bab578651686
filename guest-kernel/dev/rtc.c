// The real-time clock ("goldfish RTC"): nanoseconds since 1970.

#include "types.h"
#include "memlayout.h"
#include "defs.h"

#define TIME_LOW  0x00       // reading it keeps the high half for TIME_HIGH
#define TIME_HIGH 0x04

// Seconds since 1 January 1970, UTC.
uint64
rtc_seconds(void)
{
  uint64 low = *(volatile uint32 *)(RTC0 + TIME_LOW);
  uint64 high = *(volatile uint32 *)(RTC0 + TIME_HIGH);
  return (high << 32 | low) / 1000000000UL;
}
