/* Availability.h - the mark by which SDKs from macOS 15's on are known; -DOLDER_SDK leaves it out. */
#ifndef OBJC_AVAILABILITY_H
#define OBJC_AVAILABILITY_H

#ifndef OLDER_SDK
#define __MAC_15_0 150000
#endif

#endif
